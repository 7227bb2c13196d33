# Auto scaling: http services by requests and CPU, consumers of a queue by its backlog.

locals {
  consumers = { for name, service in var.services : name => service if length(service.consumes) > 0 }

  # What waits in its queues, and what is being worked on, by the ids of the metrics.
  backlogs = {
    for name, service in local.consumers : name => merge([
      for index, queue in service.consumes : {
        "waiting${index}" = { queue = var.queues[queue].name, metric = "ApproximateNumberOfMessagesVisible" }
        "working${index}" = { queue = var.queues[queue].name, metric = "ApproximateNumberOfMessagesNotVisible" }
      }
    ]...)
  }
}

resource "aws_appautoscaling_target" "this" {
  for_each = var.services

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = local.scaling[each.key].min
  max_capacity       = local.scaling[each.key].max
}

resource "aws_appautoscaling_policy" "requests" {
  for_each = local.http

  name               = "requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.requests_per_task
    scale_out_cooldown = 30
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = var.target_groups[each.key].resource_label
    }
  }
}

# A consumer mostly waits for the painter or SES: its CPU says nothing.
resource "aws_appautoscaling_policy" "cpu" {
  for_each = { for name, service in var.services : name => service if length(service.consumes) == 0 }

  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_out_cooldown = 30
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# All that waits or is being worked on, for each task that runs. No running task counts as one: from a minimum of
# none, the first message starts the first task.
resource "aws_appautoscaling_policy" "backlog" {
  for_each = local.consumers

  name               = "backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.scaling.backlog_per_task
    scale_out_cooldown = 30
    scale_in_cooldown  = 300

    customized_metric_specification {
      dynamic "metrics" {
        for_each = local.backlogs[each.key]

        content {
          id          = metrics.key
          return_data = false

          metric_stat {
            stat = "Average"

            metric {
              namespace   = "AWS/SQS"
              metric_name = metrics.value.metric

              dimensions {
                name  = "QueueName"
                value = metrics.value.queue
              }
            }
          }
        }
      }

      metrics {
        id          = "tasks"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"

            dimensions {
              name  = "ClusterName"
              value = aws_ecs_cluster.this.name
            }

            dimensions {
              name  = "ServiceName"
              value = aws_ecs_service.this[each.key].name
            }
          }
        }
      }

      metrics {
        id          = "backlog"
        label       = "Messages per task"
        expression  = "(${join(" + ", keys(local.backlogs[each.key]))}) / IF(FILL(tasks, 0) > 0, FILL(tasks, 0), 1)"
        return_data = true
      }
    }
  }
}
