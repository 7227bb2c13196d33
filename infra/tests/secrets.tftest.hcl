# Secrets without values.

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
  prefix        = "tatemono-test"
  plan_name     = "tatemono"
  environment   = "dev"
  database_urls = { api = "postgresql://api@db.example:5432/tatemono" }

  secrets = {
    database-api  = { generate = "database-url", role = "api" }
    origin-verify = { generate = "random" }
    openai        = { generate = "provided" }
  }
}

run "knows_no_value_but_the_address_of_the_database" {
  command = plan

  module {
    source = "./modules/secrets"
  }

  assert {
    condition     = keys(aws_secretsmanager_secret.this) == ["database-api", "openai", "origin-verify"] && keys(aws_secretsmanager_secret_version.database_url) == ["database-api"]
    error_message = "Terraform writes connection strings, and no other value."
  }

  assert {
    condition     = !can(regex("://[^@/]*:[^@/]*@", aws_secretsmanager_secret_version.database_url["database-api"].secret_string))
    error_message = "There is no password in a connection string."
  }

  assert {
    condition     = aws_secretsmanager_secret.this["openai"].name == "/dev/tatemono/secrets/openai" && aws_kms_key.this.enable_key_rotation
    error_message = "Names begin with the environment, and the key is changed every year."
  }
}

run "refuses_a_window_that_aws_does_not_know" {
  command = plan

  module {
    source = "./modules/secrets"
  }

  variables {
    recovery_window_days = 3
  }

  expect_failures = [var.recovery_window_days]
}
