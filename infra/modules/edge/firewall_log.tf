# What the firewall blocked or counted. Encrypted with CloudWatch's own key: the environment's is in another region.

resource "aws_cloudwatch_log_group" "firewall" {
  provider = aws.us_east_1

  # The name has to begin so.
  name              = "aws-waf-logs-${var.prefix}"
  retention_in_days = var.log_retention_days
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  provider = aws.us_east_1

  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  dynamic "redacted_fields" {
    for_each = ["authorization", "cookie", "dpop", "idempotency-key"]

    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  # The signatures of picture URLs, and codes of sign-in.
  redacted_fields {
    query_string {}
  }

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      dynamic "condition" {
        for_each = ["BLOCK", "COUNT", "EXCLUDED_AS_COUNT"]

        content {
          action_condition {
            action = condition.value
          }
        }
      }
    }
  }
}
