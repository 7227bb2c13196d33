output "instance_id" {
  description = "Id of the instance, for `aws ssm start-session --target`."
  value       = aws_instance.this.id
}

output "instance_arn" {
  description = "ARN of the instance, for permissions to start, stop and enter it."
  value       = aws_instance.this.arn
}

output "shell_document" {
  description = "Session document for a shell that is logged."
  value       = aws_ssm_document.shell.name
}
