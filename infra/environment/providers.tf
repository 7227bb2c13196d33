provider "aws" {
  region              = local.plan.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes its certificate and its firewall from us-east-1, in every region.
provider "aws" {
  alias               = "us_east_1"
  region              = "us-east-1"
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

# Where Identity Center is administered: this account, or the organization's by a role.
provider "aws" {
  alias  = "identity_center"
  region = var.identity_center.region

  dynamic "assume_role" {
    for_each = var.identity_center.role_arn == null ? [] : [var.identity_center.role_arn]

    content {
      role_arn = assume_role.value
    }
  }

  default_tags {
    tags = local.tags
  }
}
