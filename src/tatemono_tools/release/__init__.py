"""What a release is made of: exact versions, and the zip of the Lambda functions."""
