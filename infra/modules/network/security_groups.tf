# Security groups. All stand here, because every rule is between two of them:
# CloudFront -> load balancer -> services -> database, and nothing else.

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${data.aws_region.current.name}.s3"
}

locals {
  groups = {
    load-balancer = "Takes requests from CloudFront alone and hands them to the services"
    services      = "The tasks of the plan's services, and the migrations"
    database      = "The database; starts no connection itself"
    functions     = "Lambda functions that Cognito calls"
    bastion       = "The bastion, by Session Manager only"
    endpoints     = "Endpoints of AWS services"
  }

  # To the database, and to AWS's own services by their endpoints.
  database_callers = toset(["services", "functions", "bastion"])

  group_rules = merge(
    {
      for port in var.service_ports : "load-balancer-to-services-${port}" => {
        from = "load-balancer", to = "services", port = port
      }
    },
    {
      for port in var.called_ports : "services-to-services-${port}" => {
        from = "services", to = "services", port = port
      }
    },
    { for caller in local.database_callers : "${caller}-to-database" => { from = caller, to = "database", port = 5432 } },
    { for caller in local.database_callers : "${caller}-to-endpoints" => { from = caller, to = "endpoints", port = 443 } },
  )
}

resource "aws_security_group" "this" {
  for_each = local.groups

  name        = "${var.prefix}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.prefix}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  security_group_id = aws_security_group.this["load-balancer"].id
  description       = "CloudFront, HTTPS only"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "between_groups" {
  for_each = local.group_rules

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  description                  = "From ${each.value.from}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "between_groups" {
  for_each = local.group_rules

  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  description                  = "To ${each.value.to}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "services_to_internet" {
  security_group_id = aws_security_group.this["services"].id
  description       = "The painter, Cognito and mail, by NAT"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "bastion_to_s3" {
  security_group_id = aws_security_group.this["bastion"].id
  description       = "Packages of Amazon Linux, by the endpoint of S3"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
