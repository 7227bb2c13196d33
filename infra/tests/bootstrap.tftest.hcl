# What is there before any environment.

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
  account_id  = "111111111111"
  owner       = "platform"
  cost_center = "development"
}

run "keeps_the_state" {
  command = plan

  module {
    source = "./bootstrap"
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "Every version of the state is kept, encrypted with a key of its own."
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_iam_openid_connect_provider.github.client_id_list == toset(["sts.amazonaws.com"])
    error_message = "Tags stay where they are, and GitHub's tokens are for AWS."
  }
}

run "refuses_too_few_images_to_go_back" {
  command = plan

  module {
    source = "./bootstrap"
  }

  variables {
    kept_images = 1
  }

  expect_failures = [var.kept_images]
}

run "refuses_what_is_no_account" {
  command = plan

  module {
    source = "./bootstrap"
  }

  variables {
    account_id = "prod"
  }

  expect_failures = [var.account_id]
}
