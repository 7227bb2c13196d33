# Once per account, before the first environment: where Terraform's state is kept, where images are, and the provider of GitHub's tokens.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = var.name
      Environment = "shared"
      Owner       = var.owner
      CostCenter  = var.cost_center
      ManagedBy   = "terraform"
    }
  }
}

data "aws_partition" "current" {}

# GitHub's tokens are checked against its public keys, which AWS knows; nothing of it is secret.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

# No bucket of the account can be made public, and no disk is unencrypted.
resource "aws_s3_account_public_access_block" "this" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_ebs_encryption_by_default" "this" {
  enabled = true
}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length        = 16
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  password_reuse_prevention      = 24
  allow_users_to_change_password = true
}

resource "aws_ce_cost_allocation_tag" "this" {
  for_each = var.is_payer_account ? toset(["Project", "Environment", "Owner", "CostCenter", "Service"]) : []

  tag_key = each.key
  status  = "Active"
}
