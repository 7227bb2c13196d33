# CloudTrail, GuardDuty, Security Hub, Config and the budget.

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
variables {
  prefix             = "tatemono-test"
  environment        = "dev"
  trail              = { locked_days = 90 }
  data_bucket_arns   = ["arn:aws:s3:::pictures"]
  topic_arn          = "arn:aws:sns:ap-northeast-1:111111111111:alarms"
  alert_email        = "finance@example.com"
  monthly_budget_usd = 100
}

run "locks_the_trail" {
  command = plan

  module {
    source = "./modules/audit"
  }

  assert {
    condition     = aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.is_multi_region_trail && aws_s3_bucket.trail.object_lock_enabled && aws_s3_bucket_object_lock_configuration.trail.rule[0].default_retention[0].days == 90
    error_message = "All regions, validated, and its objects are locked."
  }

  assert {
    condition     = !aws_cloudtrail.this.is_organization_trail
    error_message = "It is one account's unless a variable says that it is the organization's."
  }
}

run "is_ready_for_an_organization" {
  command = plan

  module {
    source = "./modules/audit"
  }

  variables {
    trail = { locked_days = 365, mode = "COMPLIANCE", organization = true }
  }

  assert {
    condition     = aws_cloudtrail.this.is_organization_trail
    error_message = "One variable makes it the organization's."
  }
}

run "detects_threats_with_all_features" {
  command = plan

  module {
    source = "./modules/audit"
  }

  assert {
    condition     = toset(keys(aws_guardduty_detector_feature.this)) == toset(["S3_DATA_EVENTS", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "EBS_MALWARE_PROTECTION", "RUNTIME_MONITORING"])
    error_message = "GuardDuty looks at buckets, database, functions, disks and tasks."
  }

  assert {
    condition     = length(aws_cloudwatch_event_target.finding) == 3 && alltrue([for target in values(aws_cloudwatch_event_target.finding) : target.arn == var.topic_arn])
    error_message = "Serious findings go to the topic."
  }

  assert {
    condition     = length(aws_budgets_budget.month.notification) == 3 && length(aws_config_config_rule.this) > 20
    error_message = "The budget alarms three times, and Config checks its rules."
  }
}

run "refuses_a_lock_that_does_not_lock" {
  command = plan

  module {
    source = "./modules/audit"
  }

  variables {
    trail = { locked_days = 0 }
  }

  expect_failures = [var.trail]
}

run "refuses_a_budget_of_nothing" {
  command = plan

  module {
    source = "./modules/audit"
  }

  variables {
    monthly_budget_usd = 0
  }

  expect_failures = [var.monthly_budget_usd]
}
