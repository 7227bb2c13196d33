# The bastion: no open port, no key, no password. Session Manager reaches it through the VPC endpoints, if IAM allows it.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Amazon's own name for the newest image; a new one replaces the machine, which keeps nothing.
data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "session" {
  statement {
    sid = "SessionManager"
    actions = [
      "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
    ]
    resources = ["*"] # These actions know no resource.
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${aws_cloudwatch_log_group.sessions.arn}:*"]
  }

  statement {
    sid       = "LogGroups"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"] # The agent looks for the group by a list, which knows no resource.
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.prefix}-bastion"
  description        = "The bastion: Session Manager, and nothing else"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "session"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.session.json
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.prefix}-bastion"
  role = aws_iam_role.this.name
}

resource "aws_instance" "this" {
  ami                    = nonsensitive(data.aws_ssm_parameter.image.value)
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [var.security_group_id]
  iam_instance_profile   = aws_iam_instance_profile.this.name
  ebs_optimized          = true
  monitoring             = true

  # The database's own tools, from Amazon's packages, which come through the endpoint of S3.
  user_data = <<-SH
    #!/bin/sh
    dnf install --assumeyes postgresql17
  SH

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    kms_key_id  = var.kms_key_arn
    volume_type = "gp3"
    volume_size = 8
  }

  tags = { Name = "${var.prefix}-bastion" }

  lifecycle {
    # A newer image is for the next time the machine is made anew: terraform apply -replace=module.bastion.aws_instance.this
    ignore_changes = [ami]
  }
}
