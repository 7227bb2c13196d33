terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # Its own state begins on the first engineer's machine and then moves into the bucket it made: docs/how-to/aws.md
}
