# Subnets, routes, security groups, and what is refused.

mock_provider "aws" {
  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"] }
  }

  mock_data "aws_region" {
    defaults = { name = "ap-northeast-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  prefix             = "tatemono-test"
  cidr               = "10.10.0.0/16"
  nat                = "per-zone"
  service_ports      = [8100, 8101]
  kms_key_arn        = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
  log_retention_days = 30
}

run "stands_in_three_zones" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = length(aws_subnet.this) == 9 && length(distinct([for subnet in aws_subnet.this : subnet.availability_zone])) == 3
    error_message = "There are three tiers in three zones."
  }

  assert {
    condition     = length(distinct([for subnet in aws_subnet.this : subnet.cidr_block])) == 9
    error_message = "No two subnets have the same addresses."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3
    error_message = "Every zone has its own NAT gateway."
  }
}

run "saves_gateways_where_one_is_enough" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "single"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 3
    error_message = "One gateway serves the private networks of all zones."
  }
}

run "lets_only_cloudfront_in_and_only_the_services_out" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.cloudfront.from_port == 443 && aws_vpc_security_group_ingress_rule.cloudfront.cidr_ipv4 == null
    error_message = "The load balancer is reached by 443, from CloudFront's list."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.between_groups : rule.cidr_ipv4 == null])
    error_message = "Inside, every rule is between two groups."
  }

  assert {
    condition     = length([for name, rule in aws_vpc_security_group_ingress_rule.between_groups : name if rule.from_port == 5432]) == 3
    error_message = "Services, functions and the bastion reach the database, and no other group."
  }
}

run "refuses_addresses_that_are_too_few" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    cidr = "10.10.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_kind_of_nat_that_it_does_not_know" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "none"
  }

  expect_failures = [var.nat]
}

run "refuses_a_prefix_that_does_not_fit" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    prefix = "Tatemono_Development"
  }

  expect_failures = [var.prefix]
}
