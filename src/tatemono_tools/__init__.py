"""Everything around the production system: the command line, the plan, the laptop, Terraform. Never in the image."""
