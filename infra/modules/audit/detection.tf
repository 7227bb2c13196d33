# Threats (GuardDuty), faults of the configuration (Security Hub), and access from outside the account (Access Analyzer).
# Serious findings go to the same topic as the alarms.

resource "aws_guardduty_detector" "this" {
  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

locals {
  features = {
    S3_DATA_EVENTS         = []
    RDS_LOGIN_EVENTS       = []
    LAMBDA_NETWORK_LOGS    = []
    EBS_MALWARE_PROTECTION = []
    # GuardDuty brings its own agent into the tasks.
    RUNTIME_MONITORING = ["ECS_FARGATE_AGENT_MANAGEMENT"]
  }
}

resource "aws_guardduty_detector_feature" "this" {
  for_each = local.features

  detector_id = aws_guardduty_detector.this.id
  name        = each.key
  status      = "ENABLED"

  dynamic "additional_configuration" {
    for_each = each.value

    content {
      name   = additional_configuration.value
      status = "ENABLED"
    }
  }
}

resource "aws_securityhub_account" "this" {
  enable_default_standards  = false
  control_finding_generator = "SECURITY_CONTROL"
  auto_enable_controls      = true
}

resource "aws_securityhub_standards_subscription" "this" {
  for_each = toset(["standards/aws-foundational-security-best-practices/v/1.0.0", "standards/cis-aws-foundations-benchmark/v/3.0.0"])

  standards_arn = "${local.arn}:securityhub:${data.aws_region.current.name}::${each.key}"

  depends_on = [aws_securityhub_account.this]
}

resource "aws_accessanalyzer_analyzer" "this" {
  analyzer_name = var.prefix
  type          = "ACCOUNT"
}

resource "aws_cloudwatch_event_rule" "finding" {
  for_each = {
    guardduty = {
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Finding"]
      detail      = { severity = [{ numeric = [">=", 7] }] }
    }
    access = {
      source      = ["aws.access-analyzer"]
      detail-type = ["Access Analyzer Finding"]
      detail      = { status = ["ACTIVE"] }
    }
    security-hub = {
      source      = ["aws.securityhub"]
      detail-type = ["Security Hub Findings - Imported"]
      detail      = { findings = { Severity = { Label = ["CRITICAL"] }, Workflow = { Status = ["NEW"] }, RecordState = ["ACTIVE"] } }
    }
  }

  name          = "${var.prefix}-${each.key}"
  description   = "Serious findings of ${each.key}"
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "finding" {
  for_each = aws_cloudwatch_event_rule.finding

  rule = each.value.name
  arn  = var.topic_arn
}
