# The ECS services: one image, one command per service.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  http       = { for name, service in var.services : name => service if service.kind == "http" }
  background = { for name, service in var.services : name => service if service.kind == "background" }
  scaling = {
    for name, service in var.services : name => {
      min = try(var.scaling_overrides[name].min, service.scaling.min)
      max = try(var.scaling_overrides[name].max, service.scaling.max)
    }
  }
}

resource "aws_ecs_cluster" "this" {
  name = var.prefix

  setting {
    name  = "containerInsights"
    value = "enhanced"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "service" {
  for_each = merge(var.services, { migrations = null })

  name              = "/${var.prefix}/services/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_task_definition" "service" {
  for_each = var.services

  family                   = "${var.prefix}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.size.cpu
  memory                   = each.value.size.memory_mib
  execution_role_arn       = aws_iam_role.execution[each.key].arn
  task_role_arn            = aws_iam_role.task[each.key].arn
  container_definitions    = jsonencode([local.containers[each.key]])
  # A deploy registers revisions of its own; the newest is what there is.
  track_latest = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  tags = { Service = each.key }

  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

resource "aws_ecs_service" "this" {
  for_each = var.services

  name                              = each.key
  cluster                           = aws_ecs_cluster.this.arn
  task_definition                   = aws_ecs_task_definition.service[each.key].arn
  desired_count                     = local.scaling[each.key].min
  platform_version                  = "1.4.0"
  availability_zone_rebalancing     = "ENABLED"
  enable_ecs_managed_tags           = true
  propagate_tags                    = "SERVICE"
  health_check_grace_period_seconds = each.value.kind == "http" ? 60 : null

  # A new task has to be healthy before an old one stops, and a release that never gets healthy is rolled back.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "capacity_provider_strategy" {
    for_each = {
      for provider, weight in {
        FARGATE      = each.value.kind == "background" ? 100 - var.spot_percent : 100
        FARGATE_SPOT = each.value.kind == "background" ? var.spot_percent : 0
      } : provider => weight if weight > 0
    }

    content {
      capacity_provider = capacity_provider_strategy.key
      weight            = capacity_provider_strategy.value
    }
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  dynamic "service_registries" {
    for_each = contains(var.called_services, each.key) ? [aws_service_discovery_service.this[each.key].arn] : []

    content {
      registry_arn = service_registries.value
    }
  }

  dynamic "load_balancer" {
    for_each = each.value.kind == "http" ? [var.target_groups[each.key]] : []

    content {
      target_group_arn = load_balancer.value.arn
      container_name   = each.key
      container_port   = each.value.port
    }
  }

  tags = { Service = each.key }

  lifecycle {
    # Auto scaling sets it from now on.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_ecs_cluster_capacity_providers.this]
}
