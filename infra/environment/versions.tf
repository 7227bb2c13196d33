terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # The rest stands in env/ENVIRONMENT.tfbackend: terraform init -backend-config=../env/dev.tfbackend
  backend "s3" {}
}
