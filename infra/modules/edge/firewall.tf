# The firewall. Each rule can count instead of block (counted_rules).

locals {
  managed_rules = {
    # Cross-site scripting, local and remote file inclusion, and what else OWASP's ten are.
    common = "AWSManagedRulesCommonRuleSet"
    # Log4Shell and the like.
    known-bad-inputs = "AWSManagedRulesKnownBadInputsRuleSet"
    # Addresses that Amazon knows from attacks.
    ip-reputation = "AWSManagedRulesAmazonIpReputationList"
  }

  rule_names = concat(
    ["ip-rules", "body-size"],
    [for limit in var.edge.rate_limits : "rate-${replace(trim(limit.path_prefix, "/"), "/", "-")}"],
    ["rate"],
    keys(local.managed_rules),
  )
}

resource "aws_wafv2_web_acl" "this" {
  provider = aws.us_east_1

  name        = var.prefix
  description = "The firewall of ${var.prefix}"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  # How much of a body is inspected.
  association_config {
    request_body {
      cloudfront {
        default_size_inspection_limit = "KB_64"
      }
    }
  }

  dynamic "rule" {
    for_each = length(local.restricted) > 0 ? ["ip-rules"] : []

    content {
      name     = rule.value
      priority = index(local.rule_names, rule.value)

      # Each rule of the group is counted or blocks by itself.
      override_action {
        none {}
      }

      statement {
        rule_group_reference_statement {
          arn = aws_wafv2_rule_group.ip_rules[0].arn
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.value
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "body-size"
    priority = index(local.rule_names, "body-size")

    action {
      dynamic "block" {
        for_each = contains(var.counted_rules, "body-size") ? [] : ["block"]

        content {
          custom_response {
            response_code = 413
          }
        }
      }

      dynamic "count" {
        for_each = contains(var.counted_rules, "body-size") ? ["count"] : []
        content {}
      }
    }

    statement {
      size_constraint_statement {
        comparison_operator = "GT"
        size                = var.edge.max_body_bytes

        field_to_match {
          body {
            oversize_handling = "MATCH"
          }
        }

        text_transformation {
          priority = 0
          type     = "NONE"
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "body-size"
      sampled_requests_enabled   = true
    }
  }

  # The first one whose prefix begins the path counts, and the one for all paths as well.
  dynamic "rule" {
    for_each = concat(
      [for limit in var.edge.rate_limits : merge(limit, { name = "rate-${replace(trim(limit.path_prefix, "/"), "/", "-")}" })],
      [merge(var.edge.rate_limit, { path_prefix = "/", name = "rate" })],
    )
    iterator = limit

    content {
      name     = limit.value.name
      priority = index(local.rule_names, limit.value.name)

      action {
        dynamic "block" {
          for_each = contains(var.counted_rules, limit.value.name) ? [] : ["block"]

          content {
            custom_response {
              response_code = limit.value.status
            }
          }
        }

        dynamic "count" {
          for_each = contains(var.counted_rules, limit.value.name) ? ["count"] : []
          content {}
        }
      }

      statement {
        rate_based_statement {
          limit                 = limit.value.requests
          evaluation_window_sec = limit.value.window_seconds
          aggregate_key_type    = "IP"

          scope_down_statement {
            byte_match_statement {
              search_string         = limit.value.path_prefix
              positional_constraint = "STARTS_WITH"

              field_to_match {
                uri_path {}
              }

              text_transformation {
                priority = 0
                type     = "NORMALIZE_PATH"
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = limit.value.name
        sampled_requests_enabled   = true
      }
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.key
      priority = index(local.rule_names, rule.key)

      override_action {
        dynamic "none" {
          for_each = contains(var.counted_rules, rule.key) ? [] : ["none"]
          content {}
        }

        dynamic "count" {
          for_each = contains(var.counted_rules, rule.key) ? ["count"] : []
          content {}
        }
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value

          # It would block every body of more than 8 KiB; body-size has the plan's number.
          dynamic "rule_action_override" {
            for_each = rule.key == "common" ? ["SizeRestrictions_BODY"] : []

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.key
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.prefix
    sampled_requests_enabled   = true
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(var.counted_rules, concat(keys(local.ip_rules), local.rule_names))) == 0
      error_message = "counted_rules names a rule that is not there; there are: ${join(", ", concat(keys(local.ip_rules), slice(local.rule_names, 1, length(local.rule_names))))}."
    }
  }
}
