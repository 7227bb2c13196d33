# What only the services know: metrics from their logs, one line per job.

locals {
  own_namespace = "Tatemono/${var.prefix}"
  painting      = { for service, facts in var.services : service => facts if facts.paints }

  outcomes = {
    failures = "{ ($.event = \"job_done\") && (($.outcome = \"failed\") || ($.outcome = \"unknown\")) }"
    done     = "{ ($.event = \"job_done\") && ($.outcome = \"succeeded\") }"
  }

  counted = merge([
    for service, facts in local.painting : { for name, pattern in local.outcomes : "${service}-${name}" => { log_group = facts.log_group, pattern = pattern } }
  ]...)
}

resource "aws_cloudwatch_log_metric_filter" "job" {
  for_each = local.counted

  name           = "${var.prefix}-${each.key}"
  log_group_name = each.value.log_group
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = local.own_namespace
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

# What a service cannot repair by itself, it logs with the event `alarm`.
resource "aws_cloudwatch_log_metric_filter" "alarm_lines" {
  for_each = var.services

  name           = "${var.prefix}-${each.key}-alarm-lines"
  log_group_name = each.value.log_group
  pattern        = "{ $.event = \"alarm\" }"

  metric_transformation {
    namespace     = local.own_namespace
    name          = "${each.key}-alarm-lines"
    value         = "1"
    default_value = "0"
  }
}

# What is painted in an hour, at the price of a picture: hours before it shows on any bill.
resource "aws_cloudwatch_metric_alarm" "spend" {
  alarm_name          = "${var.prefix}-spend-per-hour"
  alarm_description   = "What to do: ${var.runbooks_url}/spend.md"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  threshold           = var.painter.most_usd_per_hour
  treat_missing_data  = "notBreaching"

  dynamic "metric_query" {
    for_each = { for index, service in keys(local.painting) : "done${index}" => service }

    content {
      id = metric_query.key

      metric {
        namespace   = local.own_namespace
        metric_name = "${metric_query.value}-done"
        stat        = "Sum"
        period      = 3600
      }
    }
  }

  metric_query {
    id          = "usd"
    label       = "USD per hour"
    expression  = "SUM(METRICS()) * ${var.painter.picture_usd}"
    return_data = true
  }
}
