output "kms_key_arn" {
  description = "Key of everything that rests in this environment."
  value       = aws_kms_key.this.arn
}

output "secret_arns" {
  description = "ARNs of the plan's secrets, by their names in the plan."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "filled_secret_arns" {
  description = "The same, once the values that Terraform knows are in."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
  depends_on  = [aws_secretsmanager_secret_version.database_url]
}
