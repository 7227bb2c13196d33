"""`infra/building.yaml`, typed: the plan that the laptop and the AWS account are both built from."""
