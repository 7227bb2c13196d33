# Behind an IP set, everybody else is turned away. Paths are looked at twice, as they were sent and as they read: whoever
# hides a prefix behind %2e or /../ is taken for the stricter of both.

locals {
  guarded = [for prefix in local.order : prefix if local.behaviors[prefix].ip_set != null]
  doors   = { for prefix in local.guarded : "only-${local.behaviors[prefix].ip_set}-${local.slugs[prefix]}" => prefix }

  # What a path is compared as.
  readings = {
    sent = ["NONE"]
    read = ["URL_DECODE", "NORMALIZE_PATH"]
  }
}

resource "aws_wafv2_ip_set" "this" {
  for_each = merge([
    for name, cidrs in var.ip_sets : {
      "${name}-IPV4" = { version = "IPV4", addresses = [for cidr in cidrs : cidr if !strcontains(cidr, ":")] }
      "${name}-IPV6" = { version = "IPV6", addresses = [for cidr in cidrs : cidr if strcontains(cidr, ":")] }
    }
  ]...)

  provider = aws.us_east_1

  name               = "${var.prefix}-${each.key}"
  description        = "Where ${each.key} come from"
  scope              = "CLOUDFRONT"
  ip_address_version = each.value.version
  addresses          = each.value.addresses
}

resource "aws_wafv2_rule_group" "doors" {
  count    = length(local.guarded) > 0 ? 1 : 0
  provider = aws.us_east_1

  name        = "${var.prefix}-doors"
  description = "Who may go where"
  scope       = "CLOUDFRONT"
  # Of the 1500 that are free; it cannot be changed later. Each prefix takes about 26 and 24 for every one within it.
  capacity = 300

  # What has a behavior of its own within the prefix has its own rule, or none.
  dynamic "rule" {
    for_each = local.doors

    content {
      name     = rule.key
      priority = index(keys(local.doors), rule.key)

      action {
        dynamic "block" {
          for_each = contains(var.counted_rules, rule.key) ? [] : ["block"]
          content {}
        }

        dynamic "count" {
          for_each = contains(var.counted_rules, rule.key) ? ["count"] : []
          content {}
        }
      }

      statement {
        and_statement {
          statement {
            or_statement {
              dynamic "statement" {
                for_each = local.readings

                content {
                  byte_match_statement {
                    search_string         = rule.value
                    positional_constraint = "STARTS_WITH"

                    field_to_match {
                      uri_path {}
                    }

                    dynamic "text_transformation" {
                      for_each = statement.value

                      content {
                        priority = text_transformation.key
                        type     = text_transformation.value
                      }
                    }
                  }
                }
              }
            }
          }

          dynamic "statement" {
            for_each = local.within[rule.value]
            iterator = inner

            content {
              not_statement {
                statement {
                  and_statement {
                    dynamic "statement" {
                      for_each = local.readings

                      content {
                        byte_match_statement {
                          search_string         = inner.value
                          positional_constraint = "STARTS_WITH"

                          field_to_match {
                            uri_path {}
                          }

                          dynamic "text_transformation" {
                            for_each = statement.value

                            content {
                              priority = text_transformation.key
                              type     = text_transformation.value
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }

          statement {
            not_statement {
              statement {
                or_statement {
                  dynamic "statement" {
                    for_each = ["IPV4", "IPV6"]

                    content {
                      ip_set_reference_statement {
                        arn = aws_wafv2_ip_set.this["${local.behaviors[rule.value].ip_set}-${statement.value}"].arn
                      }
                    }
                  }
                }
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
    metric_name                = "${var.prefix}-doors"
    sampled_requests_enabled   = true
  }
}
