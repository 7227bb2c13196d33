# The queues, each with its dead-letter queue.

locals {
  # The longest that SQS keeps a message: a dead letter waits for a person.
  dead_letters_kept_seconds = 1209600
}

resource "aws_sqs_queue" "dead" {
  for_each = var.queues

  name                      = "${var.prefix}-${each.key}-dead"
  message_retention_seconds = local.dead_letters_kept_seconds
  # SQS's own key: messages hold ids and no prompts, and SNS needs no permission to use it.
  sqs_managed_sse_enabled = true
}

resource "aws_sqs_queue" "this" {
  for_each = var.queues

  name                       = "${var.prefix}-${each.key}"
  visibility_timeout_seconds = each.value.visibility_timeout_seconds
  message_retention_seconds  = each.value.retention_seconds
  receive_wait_time_seconds  = each.value.receive_wait_seconds
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = each.value.max_receive_count
  })
}

# Only its own queue may put dead letters into a dead-letter queue.
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = var.queues

  queue_url = aws_sqs_queue.dead[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

locals {
  all = merge(
    { for name in keys(var.queues) : name => { url = aws_sqs_queue.this[name].url, arn = aws_sqs_queue.this[name].arn } },
    { for name in keys(var.queues) : "${name}-dead" => { url = aws_sqs_queue.dead[name].url, arn = aws_sqs_queue.dead[name].arn } },
  )
}

data "aws_iam_policy_document" "queue" {
  for_each = local.all

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = contains(keys(var.topics), each.key) ? [var.topics[each.key]] : []

    content {
      sid       = "Topic"
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.all

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

resource "aws_sns_topic_subscription" "this" {
  for_each = var.topics

  topic_arn = each.value
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.this[each.key].arn
  # The message as it was sent, without SNS's envelope around it.
  raw_message_delivery = true

  depends_on = [aws_sqs_queue_policy.this]
}
