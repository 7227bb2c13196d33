# The order of all rules: the longest prefix first, for CloudFront, the load balancer and the firewall alike.

locals {
  # Sorted by what is left of 1000 characters: the longest prefix has the smallest number.
  order     = [for key in sort([for behavior in var.edge.behaviors : format("%04d %s", 1000 - length(behavior.path_prefix), behavior.path_prefix)]) : split(" ", key)[1]]
  behaviors = { for behavior in var.edge.behaviors : behavior.path_prefix => behavior }

  # What goes to the load balancer; pictures come from the bucket.
  through_balancer = [for prefix in local.order : prefix if local.behaviors[prefix].bucket == null]

  # A name for each, for rules and metrics: /v1/api/ is v1-api, / is root.
  slugs = { for prefix in local.order : prefix => prefix == "/" ? "root" : replace(trim(prefix, "/"), "/[/.]/", "-") }

  # Prefixes that have a behavior of their own within another's.
  within = { for outer in local.order : outer => [for inner in local.order : inner if inner != outer && startswith(inner, outer)] }
}
