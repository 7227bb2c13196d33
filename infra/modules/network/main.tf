# The VPC and its subnets: a public, a private and an isolated one in every zone.

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "current" {}

locals {
  zones = slice(data.aws_availability_zones.available.names, 0, var.zone_count)

  # Four /20 for each tier: 16 networks of 4,091 addresses, of which every tier takes one per zone.
  tiers = { public = 0, private = 4, isolated = 8 }

  subnets = {
    for pair in setproduct(keys(local.tiers), range(var.zone_count)) : "${pair[0]}-${pair[1]}" => {
      tier  = pair[0]
      index = pair[1]
      zone  = local.zones[pair[1]]
      cidr  = cidrsubnet(var.cidr, 4, local.tiers[pair[0]] + pair[1])
    }
  }

  nat_indexes = var.nat == "per-zone" ? range(var.zone_count) : [0]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.prefix }
}

# AWS makes it by itself, and nothing uses it: it has no rule, so what is put into it by mistake reaches nothing.
resource "aws_default_security_group" "empty" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.prefix}-default-unused" }
}

resource "aws_subnet" "this" {
  for_each = local.subnets

  vpc_id            = aws_vpc.this.id
  availability_zone = each.value.zone
  cidr_block        = each.value.cidr

  tags = { Name = "${var.prefix}-${each.key}", Tier = each.value.tier }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.prefix }
}

resource "aws_eip" "nat" {
  for_each = toset([for index in local.nat_indexes : tostring(index)])

  domain = "vpc"

  tags = { Name = "${var.prefix}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = aws_eip.nat

  allocation_id = each.value.id
  subnet_id     = aws_subnet.this["public-${each.key}"].id

  tags = { Name = "${var.prefix}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}
