# Alarms go to a topic, the topic goes to Slack. Each region has its own.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_sns_topic" "alarms" {
  name              = "${var.prefix}-alarms"
  kms_master_key_id = var.kms_key_arn
}

# Unencrypted with a key of ours: that is in another region, and an alarm says nothing but numbers.
resource "aws_sns_topic" "alarms_us_east_1" {
  provider = aws.us_east_1

  name = "${var.prefix}-alarms"
}

data "aws_iam_policy_document" "topic" {
  for_each = { here = aws_sns_topic.alarms.arn, us-east-1 = aws_sns_topic.alarms_us_east_1.arn }

  statement {
    sid       = "Publishers"
    actions   = ["sns:Publish"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com", "events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [each.value]

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
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.topic["here"].json
}

resource "aws_sns_topic_policy" "alarms_us_east_1" {
  provider = aws.us_east_1

  arn    = aws_sns_topic.alarms_us_east_1.arn
  policy = data.aws_iam_policy_document.topic["us-east-1"].json
}

data "aws_iam_policy_document" "chat_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["chatbot.amazonaws.com"]
    }
  }
}

# Slack shows alarms and their graphs, and nothing can be done from it.
data "aws_iam_policy_document" "chat" {
  statement {
    actions   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:GetMetricWidgetImage"]
    resources = ["*"] # Metrics are no resources.
  }
}

resource "aws_iam_role" "chat" {
  count = var.slack == null ? 0 : 1

  name               = "${var.prefix}-chat"
  description        = "Draws the graphs of alarms in Slack"
  assume_role_policy = data.aws_iam_policy_document.chat_trust.json
}

resource "aws_iam_role_policy" "chat" {
  count = var.slack == null ? 0 : 1

  name   = "graphs"
  role   = aws_iam_role.chat[0].id
  policy = data.aws_iam_policy_document.chat.json
}

resource "aws_chatbot_slack_channel_configuration" "this" {
  count = var.slack == null ? 0 : 1

  configuration_name    = "${var.prefix}-alarms"
  slack_team_id         = var.slack.team_id
  slack_channel_id      = var.slack.channel_id
  iam_role_arn          = aws_iam_role.chat[0].arn
  sns_topic_arns        = [aws_sns_topic.alarms.arn, aws_sns_topic.alarms_us_east_1.arn]
  guardrail_policy_arns = ["arn:${data.aws_partition.current.partition}:iam::aws:policy/CloudWatchReadOnlyAccess"]
  logging_level         = "ERROR"
}
