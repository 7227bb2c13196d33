output "state" {
  description = "What env/*.tfvars and env/*.tfbackend need of the state."
  value       = { bucket = aws_s3_bucket.state.bucket, bucket_arn = aws_s3_bucket.state.arn, key_arn = aws_kms_key.state.arn }
}

output "repository" {
  description = "The repository of the image: its URL to push to, and its ARN for env/*.tfvars."
  value       = { url = aws_ecr_repository.this.repository_url, arn = aws_ecr_repository.this.arn }
}

output "github_provider_arn" {
  description = "Provider of GitHub's tokens; each environment's roles trust it."
  value       = aws_iam_openid_connect_provider.github.arn
}
