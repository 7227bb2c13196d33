# Nothing to apply here: `terraform test` wants a configuration beside tests/. What is applied is environment/.
terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
