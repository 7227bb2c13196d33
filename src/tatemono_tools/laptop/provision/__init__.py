"""What Terraform does on AWS, done in the embedded cloud and database."""
