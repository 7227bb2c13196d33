# Permission sets. Viewers always have theirs. The groups of operators and engineers are empty: a request adds the person
# for hours, and a schedule takes the person out again (docs/how-to/aws.md).

data "aws_ssoadmin_instances" "this" {
  provider = aws.identity_center
}

locals {
  instance_arn      = tolist(data.aws_ssoadmin_instances.this.arns)[0]
  identity_store_id = tolist(data.aws_ssoadmin_instances.this.identity_store_ids)[0]

  permission_sets = {
    viewer = {
      description = "Looks at everything but data and secrets"
      hours       = 8
      managed     = ["ViewOnlyAccess", "CloudWatchReadOnlyAccess"]
    }
    operator = {
      description = "Enters the database, sends dead letters back, restarts services; by request"
      hours       = var.operator_hours
      managed     = ["ViewOnlyAccess", "CloudWatchReadOnlyAccess"]
    }
    engineer = {
      description = "Applies Terraform; by request"
      hours       = var.operator_hours
      managed     = ["AdministratorAccess"]
    }
  }

  attachments = merge([
    for name, facts in local.permission_sets : { for policy in facts.managed : "${name}-${policy}" => { permission_set = name, policy = policy } }
  ]...)

  job_functions = ["ViewOnlyAccess"]
}

resource "aws_ssoadmin_permission_set" "this" {
  for_each = local.permission_sets
  provider = aws.identity_center

  instance_arn     = local.instance_arn
  name             = "${var.prefix}-${each.key}"
  description      = each.value.description
  session_duration = "PT${each.value.hours}H"
}

resource "aws_ssoadmin_managed_policy_attachment" "this" {
  for_each = local.attachments
  provider = aws.identity_center

  instance_arn       = local.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.this[each.value.permission_set].arn
  managed_policy_arn = "${local.arn}:iam::aws:policy/${contains(local.job_functions, each.value.policy) ? "job-function/" : ""}${each.value.policy}"
}

resource "aws_identitystore_group" "this" {
  for_each = local.permission_sets
  provider = aws.identity_center

  identity_store_id = local.identity_store_id
  display_name      = "${var.prefix}-${each.key}s"
  description       = each.value.description
}

resource "aws_ssoadmin_account_assignment" "this" {
  for_each = local.permission_sets
  provider = aws.identity_center

  instance_arn       = local.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.this[each.key].arn
  principal_type     = "GROUP"
  principal_id       = aws_identitystore_group.this[each.key].group_id
  target_type        = "AWS_ACCOUNT"
  target_id          = local.account

  depends_on = [aws_ssoadmin_managed_policy_attachment.this, aws_ssoadmin_permission_set_inline_policy.this]
}

data "aws_iam_policy_document" "operator" {
  statement {
    sid       = "Bastion"
    actions   = ["ec2:StartInstances", "ec2:StopInstances"]
    resources = [var.bastion.instance_arn]
  }

  statement {
    sid     = "Tunnel"
    actions = ["ssm:StartSession"]
    resources = [
      var.bastion.instance_arn,
      "${local.arn}:ssm:${local.here}:document/${var.bastion.shell_document}",
      "${local.arn}:ssm:${data.aws_region.current.name}::document/AWS-StartPortForwardingSessionToRemoteHost",
    ]

    # Only these documents: no session without one of them.
    condition {
      test     = "BoolIfExists"
      variable = "ssm:SessionDocumentAccessCheck"
      values   = ["true"]
    }
  }

  statement {
    sid       = "OwnSessions"
    actions   = ["ssm:TerminateSession", "ssm:ResumeSession"]
    resources = ["${local.arn}:ssm:*:*:session/$${aws:userid}-*"]
  }

  statement {
    sid       = "DatabaseOwner"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.owner_secret_arn]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:StartMessageMoveTask", "sqs:CancelMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    resources = [for queue in values(var.queues) : queue.dead_arn]
  }

  statement {
    sid       = "SendBack"
    actions   = ["sqs:SendMessage"]
    resources = [for queue in values(var.queues) : queue.arn]
  }

  statement {
    sid       = "ScalingTargets"
    actions   = ["application-autoscaling:RegisterScalableTarget"]
    resources = ["${local.arn}:application-autoscaling:${local.here}:scalable-target/*"]
  }

  statement {
    sid       = "Restart"
    actions   = ["ecs:UpdateService"]
    resources = [for name in var.cluster.services : "${local.arn}:ecs:${local.here}:service/${var.cluster.name}/${name}"]
  }
}

# Engineers apply Terraform and may do everything, but turn off what audits the account.
data "aws_iam_policy_document" "engineer" {
  statement {
    sid    = "AuditServices"
    effect = "Deny"
    actions = [
      "cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "guardduty:DeleteDetector", "securityhub:DisableSecurityHub",
      "config:StopConfigurationRecorder", "config:DeleteConfigurationRecorder", "access-analyzer:DeleteAnalyzer",
    ]
    resources = ["*"] # All trails, detectors and recorders of the account.
  }
}

resource "aws_ssoadmin_permission_set_inline_policy" "this" {
  for_each = {
    operator = data.aws_iam_policy_document.operator.json
    engineer = data.aws_iam_policy_document.engineer.json
  }
  provider = aws.identity_center

  instance_arn       = local.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.this[each.key].arn
  inline_policy      = each.value
}
