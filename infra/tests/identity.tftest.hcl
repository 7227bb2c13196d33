# User pools, identity pools, and the role of guests, which may do nothing.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111111111111" }
  }

  mock_data "aws_region" {
    defaults = { name = "ap-northeast-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}
variables {
  prefix               = "tatemono-test"
  function_zip         = "building.yaml"
  public_url           = "https://test.example.com"
  database_resource_id = "db-1"
  kms_key_arn          = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
  subnet_ids           = ["subnet-a", "subnet-b"]
  security_group_id    = "sg-1"
  log_retention_days   = 30
  identity_pools       = { guests = { unauthenticated = true } }
  functions            = { confirmation = { handler = "module.handler", memory_mib = 512, timeout_seconds = 5, secrets = { DATABASE_SECRET_ARN = "database-trigger" } } }
  mail                 = { sender = "Test <no-reply@test.example.com>", identity_arn = "arn:aws:ses:ap-northeast-1:111111111111:identity/test.example.com", configuration_set = "tatemono-test" }

  secrets = {
    members-secret   = { arn = "arn:aws:secretsmanager:ap-northeast-1:111111111111:secret:members" }
    operators-secret = { arn = "arn:aws:secretsmanager:ap-northeast-1:111111111111:secret:operators" }
    database-trigger = { arn = "arn:aws:secretsmanager:ap-northeast-1:111111111111:secret:database", role = "cognito-trigger" }
  }

  user_pools = {
    members = {
      sign_up                 = "open"
      password_min_characters = 8
      totp                    = "optional"
      attributes              = ["user_id"]
      post_confirmation       = "confirmation"
      client                  = { secret = "members-secret", flows = ["ADMIN_USER_PASSWORD_AUTH"] }
    }
    operators = {
      sign_up                 = "closed"
      password_min_characters = 12
      totp                    = "required"
      domain                  = true
      groups                  = ["viewer", "support", "admin"]
      client                  = { secret = "operators-secret", flows = ["REFRESH_TOKEN_AUTH"], callback_path = "/sign-in/callback" }
    }
  }
}

run "opens_each_pool_to_whom_the_plan_says" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition     = aws_cognito_user_pool.this["operators"].admin_create_user_config[0].allow_admin_create_user_only && !aws_cognito_user_pool.this["members"].admin_create_user_config[0].allow_admin_create_user_only
    error_message = "Operators are made by operators, members sign up."
  }

  assert {
    condition     = aws_cognito_user_pool.this["operators"].mfa_configuration == "ON" && aws_cognito_user_pool.this["members"].mfa_configuration == "OPTIONAL"
    error_message = "Operators need an authenticator app."
  }

  assert {
    condition     = alltrue([for client in values(aws_cognito_user_pool_client.this) : client.generate_secret && client.prevent_user_existence_errors == "ENABLED"])
    error_message = "Every client has a secret, and does not show which addresses have an account."
  }

  assert {
    condition     = aws_cognito_user_pool_client.this["operators"].callback_urls == toset(["https://test.example.com/sign-in/callback"]) && keys(aws_cognito_user_pool_domain.this) == ["operators"]
    error_message = "Only operators have sign-in pages, which lead back to the building."
  }

  assert {
    condition     = keys(aws_lambda_permission.cognito) == ["members-confirmation"]
    error_message = "Only the pool that the plan names may call the function."
  }
}

run "lets_guests_do_nothing" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.guest.statement : "${statement.effect} ${one(statement.actions)}"] == ["Deny *"]
    error_message = "The guests' role denies everything."
  }

  assert {
    condition     = one(keys(aws_cognito_identity_pool_roles_attachment.this["guests"].roles)) == "unauthenticated" && !aws_cognito_identity_pool.this["guests"].allow_classic_flow
    error_message = "There is a role for guests and no other."
  }
}

run "keeps_the_function_inside" {
  command = plan

  module {
    source = "./modules/identity"
  }

  assert {
    condition     = length(aws_lambda_function.this["confirmation"].vpc_config[0].subnet_ids) == 2 && aws_lambda_function.this["confirmation"].architectures == tolist(["arm64"])
    error_message = "The function stands in the private network."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.function["confirmation"].statement : one(statement.resources) if statement.sid == "SignIn"]) == "arn:aws:rds-db:ap-northeast-1:111111111111:dbuser:db-1/cognito_trigger"
    error_message = "It signs in to the database as its own role."
  }
}

run "refuses_a_zip_that_is_not_there" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    function_zip = "nowhere.zip"
  }

  expect_failures = [var.function_zip]
}

run "refuses_an_address_with_a_path" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    public_url = "https://test.example.com/app"
  }

  expect_failures = [var.public_url]
}
