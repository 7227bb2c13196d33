# The plan, as src/tatemono_tools/plan/building.py has checked it, and what this environment's names and tags are.

locals {
  plan   = yamldecode(file("${path.module}/../building.yaml"))
  prefix = "${local.plan.name}-${var.environment}"

  # Cost Explorer groups by these; bootstrap/ turns them on for the bill.
  tags = {
    Project     = local.plan.name
    Environment = var.environment
    Owner       = var.owner
    CostCenter  = var.cost_center
    ManagedBy   = "terraform"
  }

  http_services = { for name, service in local.plan.services : name => service if service.kind == "http" }
  # Buckets that CloudFront serves from.
  served_buckets = distinct(compact([for behavior in local.plan.edge.behaviors : try(behavior.bucket, "")]))

  # A service with a parameter <service>-url is called by other services, inside the VPC.
  called_services = [for name in keys(local.http_services) : name if contains(keys(local.plan.parameters), "${name}-url")]
  public_url      = "https://${var.domain_name}"
}

check "ip_sets" {
  assert {
    condition     = sort(keys(var.ip_sets)) == sort(keys(local.plan.edge.ip_sets))
    error_message = "ip_sets must name exactly the sets of the plan: ${join(", ", keys(local.plan.edge.ip_sets))}."
  }
}
