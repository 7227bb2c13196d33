# Network ACLs, besides the security groups. They keep no state, so answers need the ports that callers listen on.

locals {
  anywhere = "0.0.0.0/0"
  answers  = { from = 1024, to = 65535 }

  private_networks = [for subnet in values(local.subnets) : subnet.cidr if subnet.tier == "private"]

  acl_rules = {
    public = {
      ingress = [
        { cidr = local.anywhere, from = 443, to = 443 },
        # NAT's answers from the internet, and the services'.
        { cidr = local.anywhere, from = local.answers.from, to = local.answers.to },
      ]
      egress = [
        { cidr = local.anywhere, from = 443, to = 443 },
        { cidr = local.anywhere, from = local.answers.from, to = local.answers.to },
      ]
    }
    private = {
      ingress = [
        { cidr = var.cidr, from = 443, to = 443 },
        { cidr = local.anywhere, from = local.answers.from, to = local.answers.to },
      ]
      egress = [
        { cidr = local.anywhere, from = 443, to = 443 },
        { cidr = var.cidr, from = local.answers.from, to = local.answers.to },
      ]
    }
    isolated = {
      ingress = [for cidr in local.private_networks : { cidr = cidr, from = 5432, to = 5432 }]
      egress  = [for cidr in local.private_networks : { cidr = cidr, from = local.answers.from, to = local.answers.to }]
    }
  }

  # The standby takes over by AWS's own means, outside these networks; between the isolated ones nothing has to pass.
  acl_entries = merge([
    for tier, directions in local.acl_rules : merge([
      for direction, rules in directions : {
        for index, rule in rules : "${tier}-${direction}-${index}" => merge(rule, {
          tier = tier, egress = direction == "egress", number = 100 + 10 * index
        })
      }
    ]...)
  ]...)
}

resource "aws_network_acl" "this" {
  for_each = local.tiers

  vpc_id     = aws_vpc.this.id
  subnet_ids = [for key, subnet in local.subnets : aws_subnet.this[key].id if subnet.tier == each.key]

  tags = { Name = "${var.prefix}-${each.key}" }
}

resource "aws_network_acl_rule" "this" {
  for_each = local.acl_entries

  network_acl_id = aws_network_acl.this[each.value.tier].id
  rule_number    = each.value.number
  egress         = each.value.egress
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = each.value.cidr
  from_port      = each.value.from
  to_port        = each.value.to
}
