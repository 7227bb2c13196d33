output "sender" {
  description = "Address that mail is from."
  value       = "${var.sender_name} <no-reply@${var.domain_name}>"
}

output "identity_arn" {
  description = "ARN of the domain in SES."
  value       = aws_sesv2_email_identity.this.arn
}

output "sender_arns" {
  description = "What a sender of mail needs permission for: the domain and the configuration set."
  value       = [aws_sesv2_email_identity.this.arn, aws_sesv2_configuration_set.this.arn]
}

output "configuration_set" {
  description = "Name of the configuration set that mail is sent with."
  value       = aws_sesv2_configuration_set.this.configuration_set_name
}

output "events_topic_arn" {
  description = "Topic that SES publishes the events of each mail to."
  value       = aws_sns_topic.events.arn
}
