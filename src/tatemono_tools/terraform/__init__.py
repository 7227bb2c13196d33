"""`tatemono infra …`: the AWS building from the command line. Terraform does the work."""
