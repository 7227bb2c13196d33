output "topic_arns" {
  description = "Topics that alarms go to: here, and in us-east-1."
  value       = { here = aws_sns_topic.alarms.arn, us_east_1 = aws_sns_topic.alarms_us_east_1.arn }
  depends_on  = [aws_sns_topic_policy.alarms, aws_sns_topic_policy.alarms_us_east_1]
}

output "alarm_names" {
  description = "Names of all alarms, by the fault they belong to."
  value       = { for fault, names in local.alarms_of : fault => [for name in names : aws_cloudwatch_metric_alarm.this[name].alarm_name] }
}

output "dashboard_name" {
  description = "The dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
