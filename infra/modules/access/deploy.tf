# The deploy and drift roles: GitHub's workflow proves its identity with a token, so there is no key to lose.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  github  = "token.actions.githubusercontent.com"
  account = data.aws_caller_identity.current.account_id
  arn     = "arn:${data.aws_partition.current.partition}"
  here    = "${data.aws_region.current.name}:${local.account}"

  # By default GitHub names the environment or the branch. The repository is configured to name both (docs/how-to/aws.md).
  subject = "repo:${var.github_repository}:environment:${var.environment}:ref:refs/heads/${var.github_branch}"

  image_parameter_arn = "${local.arn}:ssm:${local.here}:parameter/${var.environment}/${var.plan_name}/image"
  parameters_arn      = "${local.arn}:ssm:${local.here}:parameter/${var.environment}/${var.plan_name}/*"
}

data "aws_iam_policy_document" "github" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["${local.arn}:iam::${local.account}:oidc-provider/${local.github}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:sub"
      values   = [local.subject]
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # The token is the registry's; this action knows no resource.
  }

  statement {
    sid = "Image"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = [var.repository_arn]
  }

  statement {
    sid       = "Describe"
    actions   = ["ecs:DescribeTaskDefinition"]
    resources = ["*"] # This action knows no resource.
  }

  statement {
    sid       = "Revisions"
    actions   = ["ecs:RegisterTaskDefinition", "ecs:TagResource"]
    resources = ["${local.arn}:ecs:${local.here}:task-definition/${var.prefix}-*:*"]
  }

  statement {
    sid       = "Deploy"
    actions   = ["ecs:UpdateService", "ecs:DescribeServices"]
    resources = [for name in var.cluster.services : "${local.arn}:ecs:${local.here}:service/${var.cluster.name}/${name}"]
  }

  statement {
    sid       = "Migrate"
    actions   = ["ecs:RunTask"]
    resources = ["${local.arn}:ecs:${local.here}:task-definition/${var.prefix}-migrations:*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster.arn]
    }
  }

  statement {
    sid       = "Tasks"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["${local.arn}:ecs:${local.here}:task/${var.cluster.name}/*"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = var.cluster.role_arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "Functions"
    actions   = ["lambda:GetFunction", "lambda:UpdateFunctionCode"]
    resources = var.function_arns
  }

  statement {
    sid       = "Parameters"
    actions   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    resources = [local.parameters_arn]
  }

  # Which image runs, for the next plan.
  statement {
    sid       = "RunningImage"
    actions   = ["ssm:PutParameter"]
    resources = [local.image_parameter_arn]
  }

  statement {
    sid       = "MigrationsLog"
    actions   = ["logs:GetLogEvents", "logs:FilterLogEvents"]
    resources = ["${local.arn}:logs:${local.here}:log-group:/${var.prefix}/services/migrations:*"]
  }
}

resource "aws_iam_role" "deploy" {
  name                 = "${var.prefix}-deploy"
  description          = "GitHub's workflow for ${var.environment}, from ${var.github_branch} alone"
  assume_role_policy   = data.aws_iam_policy_document.github.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = aws_iam_role.deploy.id
  policy = data.aws_iam_policy_document.deploy.json
}

# Looks for drift: reads everything but secrets and data, and writes nothing but the lock of the state.
data "aws_iam_policy_document" "drift" {
  statement {
    sid       = "State"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = [var.state_bucket_arn, "${var.state_bucket_arn}/${var.environment}/*"]
  }

  statement {
    sid       = "Lock"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${var.state_bucket_arn}/${var.environment}/*.tflock"]
  }

  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.state_key_arn, var.kms_key_arn]
  }

  statement {
    sid       = "OriginVerify"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.origin_verify_secret_arn]
  }

  statement {
    sid           = "NoData"
    effect        = "Deny"
    actions       = ["s3:GetObject", "s3:GetObjectVersion", "sqs:ReceiveMessage"]
    not_resources = ["${var.state_bucket_arn}/*"]
  }
}

resource "aws_iam_role" "drift" {
  name               = "${var.prefix}-drift"
  description        = "GitHub's workflow that looks for drift in ${var.environment}"
  assume_role_policy = data.aws_iam_policy_document.github.json
}

resource "aws_iam_role_policy" "drift" {
  name   = "drift"
  role   = aws_iam_role.drift.id
  policy = data.aws_iam_policy_document.drift.json
}

resource "aws_iam_role_policy_attachment" "drift" {
  role       = aws_iam_role.drift.name
  policy_arn = "${local.arn}:iam::aws:policy/ReadOnlyAccess"
}
