# Takes people out of the groups again. The schedule itself is made with each request.

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "access_end" {
  statement {
    actions   = ["identitystore:DeleteGroupMembership"]
    resources = ["*"] # The id of a membership is made with it; the action names no group.
  }
}

resource "aws_iam_role" "access_end" {
  provider = aws.identity_center

  name               = "${var.prefix}-temporary-access-end"
  description        = "Ends temporary access: takes people out of the groups of operators and engineers"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json
}

resource "aws_iam_role_policy" "access_end" {
  provider = aws.identity_center

  name   = "remove"
  role   = aws_iam_role.access_end.id
  policy = data.aws_iam_policy_document.access_end.json
}

resource "aws_scheduler_schedule_group" "temporary_access" {
  provider = aws.identity_center

  name = "${var.prefix}-temporary-access"
}
