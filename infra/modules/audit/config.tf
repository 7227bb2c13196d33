# Config writes down how everything is set up, and checks it against rules of AWS's.

locals {
  rules = {
    cloud-trail-enabled               = "CLOUD_TRAIL_ENABLED"
    cloud-trail-validated             = "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED"
    root-has-mfa                      = "ROOT_ACCOUNT_MFA_ENABLED"
    root-has-no-key                   = "IAM_ROOT_ACCESS_KEY_CHECK"
    buckets-are-closed                = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED"
    buckets-want-tls                  = "S3_BUCKET_SSL_REQUESTS_ONLY"
    databases-are-encrypted           = "RDS_STORAGE_ENCRYPTED"
    databases-are-not-public          = "RDS_INSTANCE_PUBLIC_ACCESS_CHECK"
    databases-are-backed-up           = "DB_INSTANCE_BACKUP_ENABLED"
    default-groups-are-empty          = "VPC_DEFAULT_SECURITY_GROUP_CLOSED"
    networks-are-logged               = "VPC_FLOW_LOGS_ENABLED"
    ssh-is-not-open                   = "INCOMING_SSH_DISABLED"
    machines-use-imdsv2               = "EC2_IMDSV2_CHECK"
    no-policy-allows-all              = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS"
    keys-are-not-about-to-be-deleted  = "KMS_CMK_NOT_SCHEDULED_FOR_DELETION"
    containers-have-a-read-only-root  = "ECS_CONTAINERS_READONLY_ACCESS"
    containers-are-not-privileged     = "ECS_CONTAINERS_NONPRIVILEGED"
    load-balancers-redirect-to-https  = "ALB_HTTP_TO_HTTPS_REDIRECTION_CHECK"
    secrets-are-encrypted-with-a-key  = "SECRETSMANAGER_USING_CMK"
    guardduty-is-on                   = "GUARDDUTY_ENABLED_CENTRALIZED"
    distributions-are-behind-firewall = "CLOUDFRONT_ASSOCIATED_WITH_WAF"
  }
}

data "aws_iam_policy_document" "config_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "config" {
  name               = "${var.prefix}-config"
  description        = "Lets Config look at how everything is set up"
  assume_role_policy = data.aws_iam_policy_document.config_trust.json
}

resource "aws_iam_role_policy_attachment" "config" {
  role       = aws_iam_role.config.name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_config_configuration_recorder" "this" {
  name     = var.prefix
  role_arn = aws_iam_role.config.arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }

  # What comes and goes all day, tasks' network interfaces above all, is written down once a day: Config costs by item.
  recording_mode {
    recording_frequency = "CONTINUOUS"

    recording_mode_override {
      description         = "Network interfaces of tasks"
      resource_types      = ["AWS::EC2::NetworkInterface"]
      recording_frequency = "DAILY"
    }
  }
}

resource "aws_config_delivery_channel" "this" {
  name           = var.prefix
  s3_bucket_name = aws_s3_bucket.config.id

  depends_on = [aws_config_configuration_recorder.this, aws_s3_bucket_policy.this]
}

resource "aws_config_configuration_recorder_status" "this" {
  name       = aws_config_configuration_recorder.this.name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "this" {
  for_each = local.rules

  name = "${var.prefix}-${each.key}"

  source {
    owner             = "AWS"
    source_identifier = each.value
  }

  depends_on = [aws_config_configuration_recorder_status.this]
}
