# Execution roles: what ECS itself needs to start a task: the image, the log, and the values that stand in the task definition by ARN.

locals {
  injected_secrets = merge(
    { for name in keys(var.services) : name => [for secret in local.given_secrets[name] : var.secrets[secret].arn] },
    { migrations = [var.database.owner_secret_arn] },
  )
  injected_parameters = merge(
    { for name in keys(var.services) : name => [for parameter in local.parameters[name] : var.parameter_arns[parameter]] },
    { migrations = [] },
  )
}

data "aws_iam_policy_document" "execution" {
  for_each = local.injected_secrets

  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # The token is the registry's; this action knows no resource.
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
    resources = [var.repository_arn]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.service[each.key].arn}:*"]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = each.value
  }

  dynamic "statement" {
    for_each = length(local.injected_parameters[each.key]) > 0 ? [local.injected_parameters[each.key]] : []

    content {
      sid       = "Parameters"
      actions   = ["ssm:GetParameters"]
      resources = statement.value
    }
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${data.aws_region.current.name}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  for_each = local.injected_secrets

  name               = "${var.prefix}-${each.key}-start"
  description        = "What ECS needs to start ${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = { Service = each.key }
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.injected_secrets

  name   = "start"
  role   = aws_iam_role.execution[each.key].id
  policy = data.aws_iam_policy_document.execution[each.key].json
}
