terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
      # Identity Center is in one account of the organization, which need not be this environment's.
      configuration_aliases = [aws, aws.identity_center]
    }
  }
}
