# One fault, one message. When the database is down, answers fail, queues grow and tasks overload: the database's alarm
# is sent, and the others are suppressed as long as it lasts.

locals {
  faults = {
    database     = "The database is unhealthy"
    answers      = "People get errors, slow answers or none"
    queues       = "Work waits, fails, or is given up"
    services     = "Tasks have too much to do"
    certificates = "A certificate runs out soon"
    models       = "A model that we paint with ends soon, or is not what it was"
  }

  alarms_of = { for fault in keys(local.faults) : fault => [for name, alarm in local.alarms : name if alarm.fault == fault] }
  rules     = { for fault, names in local.alarms_of : fault => join(" OR ", [for name in names : "ALARM(\"${aws_cloudwatch_metric_alarm.this[name].alarm_name}\")"]) }
}

resource "aws_cloudwatch_composite_alarm" "database" {
  alarm_name        = "${var.prefix}-database"
  alarm_description = "${local.faults.database}. What to do: ${var.runbooks_url}/README.md"
  alarm_rule        = local.rules.database
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_composite_alarm" "fault" {
  for_each = { for fault, text in local.faults : fault => text if fault != "database" }

  alarm_name        = "${var.prefix}-${each.key}"
  alarm_description = "${each.value}. What to do: ${var.runbooks_url}/README.md"
  alarm_rule        = local.rules[each.key]
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]

  actions_suppressor {
    alarm            = aws_cloudwatch_composite_alarm.database.alarm_name
    wait_period      = 120
    extension_period = 180
  }
}

resource "aws_cloudwatch_composite_alarm" "spend" {
  alarm_name        = "${var.prefix}-spend"
  alarm_description = "More is painted than is meant to be paid for. What to do: ${var.runbooks_url}/spend.md"
  alarm_rule        = "ALARM(\"${aws_cloudwatch_metric_alarm.spend.alarm_name}\")"
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]
}
