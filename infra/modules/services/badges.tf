# Staff badges: what each service may do, from what the plan says it is given. Nobody has a badge for a whole floor.

locals {
  account = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"

  # A service that is told a queue's URL sends to it, unless it is the one that empties it.
  parameters = { for name, service in var.services : name => toset(compact([for source in values(service.environment) : source.parameter])) }
  sends      = { for name in keys(var.services) : name => [for queue in keys(var.queues) : queue if contains(local.parameters[name], "${queue}-queue-url") && !contains(var.services[name].consumes, queue)] }
  stores     = { for name in keys(var.services) : name => [for bucket in keys(var.buckets) : bucket if contains(local.parameters[name], "${bucket}-bucket")] }
  # One that is told a secret's ARN reads it again while it runs.
  rereads = { for name in keys(var.services) : name => [for secret in keys(var.secrets) : secret if contains(local.parameters[name], "${secret}-arn")] }
  given   = { for name, service in var.services : name => toset(compact([for source in values(service.environment) : source.secret])) }
  signs_in = {
    for name in keys(var.services) : name => [
      for secret in local.given[name] : replace(var.secrets[secret].role, "-", "_") if var.secrets[secret].role != null
    ]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "task" {
  for_each = var.services

  dynamic "statement" {
    for_each = local.signs_in[each.key]

    content {
      sid       = "SignIn${replace(title(replace(statement.value, "_", " ")), " ", "")}"
      actions   = ["rds-db:connect"]
      resources = ["arn:${data.aws_partition.current.partition}:rds-db:${local.account}:dbuser:${var.database.resource_id}/${statement.value}"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.consumes) > 0 ? [each.value.consumes] : []

    content {
      sid       = "Consume"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
      resources = [for queue in statement.value : var.queues[queue].arn]
    }
  }

  # A job that takes minutes is not for the scaling to interrupt. ECS knows no narrower resource than the cluster's tasks.
  dynamic "statement" {
    for_each = length(each.value.consumes) > 0 ? ["tasks"] : []

    content {
      sid       = "Protect"
      actions   = ["ecs:UpdateTaskProtection", "ecs:GetTaskProtection"]
      resources = ["arn:${data.aws_partition.current.partition}:ecs:${local.account}:task/${var.prefix}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.sends[each.key]) > 0 ? [local.sends[each.key]] : []

    content {
      sid       = "Send"
      actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
      resources = [for queue in statement.value : var.queues[queue].arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.stores[each.key]) > 0 ? [local.stores[each.key]] : []

    content {
      sid       = "Objects"
      actions   = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]
      resources = [for bucket in statement.value : "${var.buckets[bucket].arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.stores[each.key]) > 0 ? [local.stores[each.key]] : []

    content {
      # Without it, S3 answers 403 instead of 404 for what is not there.
      sid       = "Buckets"
      actions   = ["s3:ListBucket"]
      resources = [for bucket in statement.value : var.buckets[bucket].arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.rereads[each.key]) > 0 ? [local.rereads[each.key]] : []

    content {
      sid       = "ReadAgain"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for secret in statement.value : var.secrets[secret].arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.rereads[each.key]) > 0 ? ["key"] : []

    content {
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

  dynamic "statement" {
    for_each = each.value.user_pools

    content {
      sid       = "UserPool${replace(title(replace(statement.key, "-", " ")), " ", "")}"
      actions   = [for action in statement.value : "cognito-idp:${action}"]
      resources = [var.user_pool_arns[statement.key]]
    }
  }

  dynamic "statement" {
    for_each = each.value.sends_mail ? [var.mail_arns] : []

    content {
      sid       = "Mail"
      actions   = ["ses:SendEmail", "ses:SendRawEmail"]
      resources = statement.value
    }
  }
}

resource "aws_iam_role" "task" {
  for_each = var.services

  name               = "${var.prefix}-${each.key}"
  description        = "What ${each.key} may do"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = { Service = each.key }
}

resource "aws_iam_role_policy" "task" {
  for_each = var.services

  name   = "work"
  role   = aws_iam_role.task[each.key].id
  policy = data.aws_iam_policy_document.task[each.key].json
}
