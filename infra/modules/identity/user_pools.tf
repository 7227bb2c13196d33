# User pools: passwords, codes, second factor. Only the plan's services use them: each client has a secret.

resource "aws_cognito_user_pool" "this" {
  for_each = var.user_pools

  name                     = "${var.prefix}-${each.key}"
  user_pool_tier           = "ESSENTIALS"
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = each.value.totp == "required" ? "ON" : "OPTIONAL"

  username_configuration {
    case_sensitive = false
  }

  software_token_mfa_configuration {
    enabled = true
  }

  # No rules about kinds of characters (NIST SP 800-63B).
  password_policy {
    minimum_length                   = each.value.password_min_characters
    require_lowercase                = false
    require_uppercase                = false
    require_numbers                  = false
    require_symbols                  = false
    temporary_password_validity_days = 1
  }

  admin_create_user_config {
    allow_admin_create_user_only = each.value.sign_up == "closed"
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  # An address changes when the new one is confirmed, not before.
  user_attribute_update_settings {
    attributes_require_verification_before_update = ["email"]
  }

  verification_message_template {
    default_email_option = "CONFIRM_WITH_CODE"
    email_subject        = "確認コード / Your code"
    email_message        = "確認コード: {####}\n\nYour code: {####}"
  }

  email_configuration {
    email_sending_account = var.mail == null ? "COGNITO_DEFAULT" : "DEVELOPER"
    source_arn            = try(var.mail.identity_arn, null)
    from_email_address    = try(var.mail.sender, null)
    configuration_set     = try(var.mail.configuration_set, null)
  }

  dynamic "schema" {
    for_each = each.value.attributes

    content {
      name                = schema.value
      attribute_data_type = "String"
      mutable             = false

      string_attribute_constraints {
        min_length = 1
        max_length = 64
      }
    }
  }

  dynamic "lambda_config" {
    for_each = compact([each.value.post_confirmation])

    content {
      post_confirmation = aws_lambda_function.this[lambda_config.value].arn
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cognito_user_pool_client" "this" {
  for_each = var.user_pools

  name                                 = "${var.prefix}-${each.key}"
  user_pool_id                         = aws_cognito_user_pool.this[each.key].id
  generate_secret                      = true
  explicit_auth_flows                  = [for flow in each.value.client.flows : "ALLOW_${flow}"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true
  supported_identity_providers         = ["COGNITO"]
  allowed_oauth_flows_user_pool_client = each.value.domain
  allowed_oauth_flows                  = each.value.domain ? ["code"] : []
  allowed_oauth_scopes                 = each.value.domain ? ["openid", "email"] : []
  callback_urls                        = each.value.domain ? ["${var.public_url}${each.value.client.callback_path}"] : []
  logout_urls                          = each.value.client.sign_out_path == null ? [] : ["${var.public_url}${each.value.client.sign_out_path}"]

  access_token_validity  = 60
  id_token_validity      = 60
  refresh_token_validity = each.value.domain ? 12 : 720

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "hours"
  }
}

# The client's secret is Cognito's: it is the one secret that Terraform cannot avoid reading (docs/adr/0028). Here it
# is written through, so that the copy in Secrets Manager is in no state.
resource "aws_secretsmanager_secret_version" "client" {
  for_each = var.user_pools

  secret_id                = var.secrets[each.value.client.secret].arn
  secret_string_wo         = aws_cognito_user_pool_client.this[each.key].client_secret
  secret_string_wo_version = 1

  lifecycle {
    # Another client has another secret.
    replace_triggered_by = [aws_cognito_user_pool_client.this[each.key].id]
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  for_each = { for name, pool in var.user_pools : name => pool if pool.domain }

  domain                = "${var.prefix}-${each.key}"
  user_pool_id          = aws_cognito_user_pool.this[each.key].id
  managed_login_version = 1
}

locals {
  groups = merge([
    for name, pool in var.user_pools : {
      for index, group in pool.groups : "${name}-${group}" => { pool = name, group = group, precedence = index }
    }
  ]...)
}

resource "aws_cognito_user_group" "this" {
  for_each = local.groups

  name         = each.value.group
  user_pool_id = aws_cognito_user_pool.this[each.value.pool].id
  # The lowest counts most: the last of the plan's list may do the most.
  precedence = length(var.user_pools[each.value.pool].groups) - each.value.precedence
}
