# Alarms, and that one fault is one message.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111111111111" }
  }

  mock_data "aws_region" {
    defaults = { name = "ap-northeast-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

mock_provider "aws" {
  alias = "us_east_1"
}

variables {
  prefix                   = "tatemono-test"
  runbooks_url             = "https://example.com/runbooks"
  cluster_name             = "tatemono-test"
  services                 = { api = { name = "api", log_group = "/api", paints = false }, worker = { name = "worker", log_group = "/worker", paints = true } }
  load_balancer_arn_suffix = "app/tatemono-test/1"
  target_groups            = { api = { arn_suffix = "targetgroup/api/1" } }
  queues                   = { jobs = { name = "tatemono-test-jobs", dead_name = "tatemono-test-jobs-dead" } }
  database                 = { identifier = "tatemono-test", replica_identifiers = ["tatemono-test-replica-0"], most_connections = 100, least_free_gib = 2 }
  function_names           = { confirmation = "tatemono-test-confirmation" }
  distribution_id          = "D"
  certificate_arns         = { distribution = "arn:distribution", origin = "arn:origin" }
  painter                  = { failures = 5, picture_usd = 0.05, most_usd_per_hour = 10 }
  slack                    = { team_id = "T0123456789", channel_id = "C0123456789" }
  kms_key_arn              = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
}

run "alarms_for_every_part" {
  command = plan

  module {
    source = "./modules/observability"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "api-cpu", "api-memory", "worker-cpu", "worker-memory", "api-5xx", "api-p95", "api-no-healthy-task", "jobs-age", "jobs-dead",
      "database-cpu", "database-connections", "database-storage", "database-memory", "replica-0-lag", "confirmation-errors",
      "certificate", "worker-failures", "api-alarm-lines", "worker-alarm-lines", "model-findings",
    ])
    error_message = "CPU, memory, 5xx, p95, queue age, dead letters, database, lag, functions, certificates, the painter, and what services say."
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.this) : can(regex("https://example.com/runbooks/[a-z0-9-]+\\.md$", alarm.alarm_description))])
    error_message = "Every alarm links to its runbook."
  }

  assert {
    condition = { for service, filter in aws_cloudwatch_log_metric_filter.alarm_lines : service => "${filter.log_group_name} ${filter.pattern}" } == {
      api    = "/api { $.event = \"alarm\" }"
      worker = "/worker { $.event = \"alarm\" }"
    }
    error_message = "Every service's log is read for lines that ask for a person."
  }
}

run "reports_one_fault_once" {
  command = plan

  module {
    source = "./modules/observability"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.this) : alarm.alarm_actions == null])
    error_message = "Single alarms send nothing."
  }

  assert {
    condition     = sum([for names in values(local.alarms_of) : length(names)]) == length(local.alarms)
    error_message = "Every alarm belongs to one composite alarm, which sends for it."
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_composite_alarm.fault) : alarm.actions_suppressor[0].alarm == "tatemono-test-database"])
    error_message = "While the database's alarm lasts, those that follow from it are suppressed."
  }

  assert {
    condition     = length(aws_chatbot_slack_channel_configuration.this) == 1
    error_message = "It goes to Slack."
  }
}

run "does_without_slack" {
  command = plan

  module {
    source = "./modules/observability"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    slack = null
  }

  assert {
    condition     = length(aws_chatbot_slack_channel_configuration.this) == 0
    error_message = "Without a workspace nothing of it is made."
  }
}

run "refuses_a_channel_by_its_name" {
  command = plan

  module {
    source = "./modules/observability"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    slack = { team_id = "T0123456789", channel_id = "#alarms" }
  }

  expect_failures = [var.slack]
}

run "refuses_pictures_for_nothing" {
  command = plan

  module {
    source = "./modules/observability"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    painter = { failures = 5, picture_usd = 0, most_usd_per_hour = 10 }
  }

  expect_failures = [var.painter]
}
