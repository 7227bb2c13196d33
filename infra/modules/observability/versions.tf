terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
      # Metrics of CloudFront, and of the certificate that it has, are in us-east-1.
      configuration_aliases = [aws, aws.us_east_1]
    }
  }
}
