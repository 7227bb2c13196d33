# Stopped every evening; the operator who needs it starts it.

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "stop" {
  statement {
    actions   = ["ec2:StopInstances"]
    resources = [aws_instance.this.arn]
  }
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.prefix}-bastion-schedule"
  description        = "Stops the bastion in the evening"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "stop"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.stop.json
}

resource "aws_scheduler_schedule" "stop" {
  name                         = "${var.prefix}-bastion-stop"
  description                  = "Stops the bastion if it was left on"
  schedule_expression          = var.stop_at
  schedule_expression_timezone = "Asia/Tokyo"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${data.aws_partition.current.partition}:scheduler:::aws-sdk:ec2:stopInstances"
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ InstanceIds = [aws_instance.this.id] })
  }
}
