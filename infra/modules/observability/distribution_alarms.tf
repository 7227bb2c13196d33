# CloudFront's alarms, in us-east-1 with its metrics.

resource "aws_cloudwatch_metric_alarm" "distribution_errors" {
  provider = aws.us_east_1

  alarm_name          = "${var.prefix}-cloudfront-5xx"
  alarm_description   = "What to do: ${var.runbooks_url}/errors.md"
  namespace           = "AWS/CloudFront"
  metric_name         = "5xxErrorRate"
  dimensions          = { DistributionId = var.distribution_id, Region = "Global" }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  threshold           = 5
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms_us_east_1.arn]
  ok_actions          = [aws_sns_topic.alarms_us_east_1.arn]
}

resource "aws_cloudwatch_metric_alarm" "distribution_certificate" {
  provider = aws.us_east_1

  alarm_name          = "${var.prefix}-cloudfront-certificate"
  alarm_description   = "What to do: ${var.runbooks_url}/certificate.md"
  namespace           = "AWS/CertificateManager"
  metric_name         = "DaysToExpiry"
  dimensions          = { CertificateArn = var.certificate_arns.distribution }
  statistic           = "Minimum"
  period              = 86400
  evaluation_periods  = 1
  threshold           = 21
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms_us_east_1.arn]
}
