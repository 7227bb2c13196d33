# Prefixes with an IP set are blocked for all other addresses. Paths are compared twice, as sent and normalised: a prefix
# that is hidden behind %2e or /../ falls under the stricter of both.

locals {
  restricted = [for prefix in local.order : prefix if local.behaviors[prefix].ip_set != null]
  ip_rules   = { for prefix in local.restricted : "only-${local.behaviors[prefix].ip_set}-${local.slugs[prefix]}" => prefix }

  # In which forms a path is compared.
  path_transformations = {
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
  description        = "Networks of ${each.key}"
  scope              = "CLOUDFRONT"
  ip_address_version = each.value.version
  addresses          = each.value.addresses
}

resource "aws_wafv2_rule_group" "ip_rules" {
  count    = length(local.restricted) > 0 ? 1 : 0
  provider = aws.us_east_1

  name        = "${var.prefix}-ip-rules"
  description = "Which networks may use which prefix"
  scope       = "CLOUDFRONT"
  # Of the 1500 that are free; it cannot be changed later. Each prefix takes about 26 and 24 for every one within it.
  capacity = 300

  # What has a behavior of its own within the prefix has its own rule, or none.
  dynamic "rule" {
    for_each = local.ip_rules

    content {
      name     = rule.key
      priority = index(keys(local.ip_rules), rule.key)

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
                for_each = local.path_transformations

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
                      for_each = local.path_transformations

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
    metric_name                = "${var.prefix}-ip-rules"
    sampled_requests_enabled   = true
  }
}
