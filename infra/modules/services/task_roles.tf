# Task roles: what each service may do follows from what the plan gives it. No role is wider than its service.

locals {
  account = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"

  # A service that knows a queue's URL sends to it, unless it is the one that consumes it.
  parameters   = { for name, service in var.services : name => toset(compact([for source in values(service.environment) : source.parameter])) }
  known_queues = { for name in keys(var.services) : name => [for queue in keys(var.queues) : queue if contains(local.parameters[name], "${queue}-queue-url")] }
  sent_queues  = { for name, service in var.services : name => [for queue in local.known_queues[name] : queue if !contains(service.consumes, queue)] }
  # What IAM allows on a bucket, and not on what is in it.
  bucket_actions = toset(["ListBucket", "ListBucketMultipartUploads"])
  # Actions for which Cognito knows no narrower resource than everything.
  unscoped_actions = toset(["DeleteIdentities"])
  # A service that knows a secret's ARN reads it again while it runs.
  reread_secrets = { for name in keys(var.services) : name => [for secret in keys(var.secrets) : secret if contains(local.parameters[name], "${secret}-arn")] }
  given_secrets  = { for name, service in var.services : name => toset(compact([for source in values(service.environment) : source.secret])) }
  database_roles = {
    for name in keys(var.services) : name => [
      for secret in local.given_secrets[name] : replace(var.secrets[secret].role, "-", "_") if var.secrets[secret].role != null
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
    for_each = local.database_roles[each.key]

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

  # Scaling in must not interrupt a job that takes minutes. ECS knows no narrower resource than the cluster's tasks.
  dynamic "statement" {
    for_each = each.value.protects_tasks ? ["tasks"] : []

    content {
      sid       = "Protect"
      actions   = ["ecs:UpdateTaskProtection", "ecs:GetTaskProtection"]
      resources = ["arn:${data.aws_partition.current.partition}:ecs:${local.account}:task/${var.prefix}/*"]
    }
  }

  dynamic "statement" {
    for_each = each.value.moves_dead_letters ? [local.known_queues[each.key]] : []

    content {
      sid       = "DeadLetters"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
      resources = [for queue in statement.value : var.queues[queue].dead_arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.sent_queues[each.key]) > 0 ? [local.sent_queues[each.key]] : []

    content {
      sid       = "Send"
      actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
      resources = [for queue in statement.value : var.queues[queue].arn]
    }
  }

  dynamic "statement" {
    for_each = { for bucket, actions in each.value.buckets : bucket => setsubtract(actions, local.bucket_actions) if length(setsubtract(actions, local.bucket_actions)) > 0 }

    content {
      sid       = "Objects${replace(title(replace(statement.key, "-", " ")), " ", "")}"
      actions   = [for action in statement.value : "s3:${action}"]
      resources = ["${var.buckets[statement.key].arn}/*"]
    }
  }

  # Without ListBucket, S3 answers 403 instead of 404 for what is not there.
  dynamic "statement" {
    for_each = { for bucket, actions in each.value.buckets : bucket => setintersection(actions, local.bucket_actions) if length(setintersection(actions, local.bucket_actions)) > 0 }

    content {
      sid       = "Bucket${replace(title(replace(statement.key, "-", " ")), " ", "")}"
      actions   = [for action in statement.value : "s3:${action}"]
      resources = [var.buckets[statement.key].arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.reread_secrets[each.key]) > 0 ? [local.reread_secrets[each.key]] : []

    content {
      sid       = "ReadAgain"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for secret in statement.value : var.secrets[secret].arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.reread_secrets[each.key]) > 0 ? ["key"] : []

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
    for_each = { for pool, actions in each.value.identity_pools : pool => setsubtract(actions, local.unscoped_actions) if length(setsubtract(actions, local.unscoped_actions)) > 0 }

    content {
      sid       = "IdentityPool${replace(title(replace(statement.key, "-", " ")), " ", "")}"
      actions   = [for action in statement.value : "cognito-identity:${action}"]
      resources = [var.identity_pool_arns[statement.key]]
    }
  }

  dynamic "statement" {
    for_each = contains(flatten(values(each.value.identity_pools)), "DeleteIdentities") ? ["identities"] : []

    content {
      sid       = "Identities"
      actions   = ["cognito-identity:DeleteIdentities"]
      resources = ["*"] # Cognito knows no resource for this one: it takes ids of identities of any pool.
    }
  }

  # A service that knows the distribution's id invalidates what was taken down.
  dynamic "statement" {
    for_each = contains([for source in values(each.value.environment) : coalesce(try(source.parameter, null), "none")], "distribution-id") ? [var.distribution_arn] : []

    content {
      sid       = "Invalidate"
      actions   = ["cloudfront:CreateInvalidation"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = each.value.sends_mail ? [var.mail_arns] : []

    content {
      sid       = "Mail"
      actions   = ["ses:SendEmail"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = each.value.sends_mail ? ["quota"] : []

    content {
      sid       = "MailQuota"
      actions   = ["ses:GetAccount"]
      resources = ["*"] # The account's own quota: SES knows no narrower resource.
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
