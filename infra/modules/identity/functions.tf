# The functions: Cognito calls them, and they write to the database.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"

  # Database roles of the connection strings that a function is given.
  database_roles = {
    for name, function in var.functions : name => [
      for secret in values(function.secrets) : replace(var.secrets[secret].role, "-", "_") if var.secrets[secret].role != null
    ]
  }

  # Pools that call a function.
  callers = merge([
    for name, pool in var.user_pools : { for function in compact([pool.post_confirmation]) : "${name}-${function}" => { pool = name, function = function } }
  ]...)
}

data "aws_iam_policy_document" "function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  for_each = var.functions

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in values(each.value.secrets) : var.secrets[secret].arn]
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

  dynamic "statement" {
    for_each = length(local.database_roles[each.key]) > 0 ? [local.database_roles[each.key]] : []

    content {
      sid       = "SignIn"
      actions   = ["rds-db:connect"]
      resources = [for role in statement.value : "arn:${data.aws_partition.current.partition}:rds-db:${local.account}:dbuser:${var.database_resource_id}/${role}"]
    }
  }

  statement {
    sid = "Vpc"
    actions = [
      "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
    ]
    resources = ["*"] # Lambda checks for these without naming a resource.
  }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = var.functions

  name              = "/aws/lambda/${var.prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "function" {
  for_each = var.functions

  name               = "${var.prefix}-${each.key}-function"
  description        = "What the function ${each.key} may do"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "function" {
  for_each = var.functions

  name   = "work"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json
}

resource "aws_lambda_function" "this" {
  for_each = var.functions

  function_name                  = "${var.prefix}-${each.key}"
  description                    = "Called by Cognito; writes to the database"
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "python3.13"
  architectures                  = ["arm64"]
  handler                        = each.value.handler
  filename                       = var.function_zip
  source_code_hash               = filebase64sha256(var.function_zip)
  memory_size                    = each.value.memory_mib
  timeout                        = each.value.timeout_seconds
  reserved_concurrent_executions = 20

  environment {
    variables = merge(
      { PGSSLMODE = "require" },
      { for variable, secret in each.value.secrets : variable => var.secrets[secret].arn },
    )
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  tracing_config {
    mode = "PassThrough"
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_permission" "cognito" {
  for_each = local.callers

  statement_id   = "Pool-${each.value.pool}"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this[each.value.function].function_name
  principal      = "cognito-idp.amazonaws.com"
  source_account = data.aws_caller_identity.current.account_id
  source_arn     = aws_cognito_user_pool.this[each.value.pool].arn
}
