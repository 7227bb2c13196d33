# The bastion.

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
  subnet_id          = "subnet-a"
  security_group_id  = "sg-1"
  kms_key_arn        = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
  log_retention_days = 30
}

run "has_no_key_and_no_open_port" {
  command = plan

  module {
    source = "./modules/bastion"
  }

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.root_block_device[0].encrypted
    error_message = "IMDSv2 only, and an encrypted disk."
  }

  assert {
    condition     = jsondecode(aws_ssm_document.shell.content).inputs.cloudWatchEncryptionEnabled && aws_scheduler_schedule.stop.schedule_expression_timezone == "Asia/Tokyo"
    error_message = "Sessions are logged, and the instance is stopped every evening."
  }
}

run "refuses_a_machine_that_the_image_does_not_fit" {
  command = plan

  module {
    source = "./modules/bastion"
  }

  variables {
    instance_type = "t3.nano"
  }

  expect_failures = [var.instance_type]
}

run "refuses_a_time_that_no_schedule_knows" {
  command = plan

  module {
    source = "./modules/bastion"
  }

  variables {
    stop_at = "every evening"
  }

  expect_failures = [var.stop_at]
}
