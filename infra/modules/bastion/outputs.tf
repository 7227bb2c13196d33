output "instance_id" {
  description = "The machine, as `aws ssm start-session --target` wants it."
  value       = aws_instance.this.id
}

output "instance_arn" {
  description = "ARN of the machine: who may start, stop and enter it."
  value       = aws_instance.this.arn
}

output "shell_document" {
  description = "Session document for a shell that is written down."
  value       = aws_ssm_document.shell.name
}
