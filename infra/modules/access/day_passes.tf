# Takes people out of the groups again. The schedule itself is made with the request, once for each.

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "day_pass_end" {
  statement {
    actions   = ["identitystore:DeleteGroupMembership"]
    resources = ["*"] # Memberships have ids that nobody knows before; the action names no group.
  }
}

resource "aws_iam_role" "day_pass_end" {
  provider = aws.identity_center

  name               = "${var.prefix}-day-pass-end"
  description        = "Ends day passes: takes people out of the groups of operators and engineers"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json
}

resource "aws_iam_role_policy" "day_pass_end" {
  provider = aws.identity_center

  name   = "remove"
  role   = aws_iam_role.day_pass_end.id
  policy = data.aws_iam_policy_document.day_pass_end.json
}

resource "aws_scheduler_schedule_group" "day_passes" {
  provider = aws.identity_center

  name = "${var.prefix}-day-passes"
}
