# Queues and their dead-letter queues.

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
  prefix = "tatemono-test"
  topics = { events = "arn:aws:sns:ap-northeast-1:111111111111:events" }

  queues = {
    jobs   = { visibility_timeout_seconds = 75, retention_seconds = 345600, receive_wait_seconds = 20, max_receive_count = 5 }
    events = { visibility_timeout_seconds = 60, retention_seconds = 345600, receive_wait_seconds = 20, max_receive_count = 3 }
  }
}

run "puts_a_dead_letter_queue_behind_each" {
  command = plan

  module {
    source = "./modules/messaging"
  }

  assert {
    condition     = keys(aws_sqs_queue.dead) == keys(aws_sqs_queue.this) && keys(aws_sqs_queue_redrive_allow_policy.dead) == keys(aws_sqs_queue.this) && alltrue([for queue in values(aws_sqs_queue.dead) : queue.message_retention_seconds == 1209600])
    error_message = "Every queue has one, that no other queue may use, and that keeps its messages as long as SQS can."
  }

  assert {
    condition     = toset(keys(aws_sqs_queue_policy.this)) == toset(["jobs", "jobs-dead", "events", "events-dead"]) && alltrue([for document in values(data.aws_iam_policy_document.queue) : document.statement[0].effect == "Deny"])
    error_message = "None is reached without TLS."
  }

  assert {
    condition     = { for name, document in data.aws_iam_policy_document.queue : name => length(document.statement) }["events"] == 2 && length(data.aws_iam_policy_document.queue["jobs"].statement) == 1
    error_message = "The topic writes into its own queue and no other."
  }

  assert {
    condition     = aws_sns_topic_subscription.this["events"].raw_message_delivery
    error_message = "Events come without an envelope."
  }
}

run "refuses_to_lose_messages_before_they_are_dead" {
  command = plan

  module {
    source = "./modules/messaging"
  }

  variables {
    topics = {}
    queues = { jobs = { visibility_timeout_seconds = 3600, retention_seconds = 7200, receive_wait_seconds = 0, max_receive_count = 5 } }
  }

  expect_failures = [var.queues]
}

run "refuses_a_topic_for_a_queue_that_is_not_there" {
  command = plan

  module {
    source = "./modules/messaging"
  }

  variables {
    topics = { nowhere = "arn:aws:sns:ap-northeast-1:111111111111:events" }
  }

  expect_failures = [var.topics]
}
