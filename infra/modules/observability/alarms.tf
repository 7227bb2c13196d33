# Every alarm by name. `fault` is the composite alarm it belongs to (composites.tf), `runbook` the page that says what to
# do (docs/how-to/runbooks/).

locals {
  service_alarms = merge([
    for service, facts in var.services : {
      for metric in ["CPUUtilization", "MemoryUtilization"] : "${service}-${metric == "CPUUtilization" ? "cpu" : "memory"}" => {
        fault      = "services", runbook = metric == "CPUUtilization" ? "cpu" : "memory"
        namespace  = "AWS/ECS", metric = metric, statistic = "Average", period = 60, periods = 5
        threshold  = 80, above = true, missing = "missing"
        dimensions = { ClusterName = var.cluster_name, ServiceName = facts.name }
      }
    }
  ]...)

  http_alarms = merge([
    for service, group in var.target_groups : {
      "${service}-5xx" = {
        fault      = "answers", runbook = "errors", namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count"
        statistic  = "Sum", period = 60, periods = 3, threshold = 10, above = true, missing = "notBreaching"
        dimensions = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = group.arn_suffix }
      }
      "${service}-p95" = {
        fault      = "answers", runbook = "slow-answers", namespace = "AWS/ApplicationELB", metric = "TargetResponseTime"
        statistic  = "p95", period = 60, periods = 5, threshold = var.p95_seconds, above = true, missing = "notBreaching"
        dimensions = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = group.arn_suffix }
      }
      "${service}-no-healthy-task" = {
        fault      = "answers", runbook = "errors", namespace = "AWS/ApplicationELB", metric = "HealthyHostCount"
        statistic  = "Minimum", period = 60, periods = 3, threshold = 1, above = false, missing = "breaching"
        dimensions = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = group.arn_suffix }
      }
    }
  ]...)

  queue_alarms = merge([
    for queue, names in var.queues : {
      "${queue}-age" = {
        fault      = "queues", runbook = "queue-age", namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage"
        statistic  = "Maximum", period = 60, periods = 5, threshold = var.oldest_message_seconds, above = true, missing = "notBreaching"
        dimensions = { QueueName = names.name }
      }
      "${queue}-dead" = {
        fault      = "queues", runbook = "dead-letters", namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible"
        statistic  = "Maximum", period = 60, periods = 1, threshold = 0, above = true, missing = "notBreaching"
        dimensions = { QueueName = names.dead_name }
      }
    }
  ]...)

  database_alarms = {
    database-cpu = {
      fault      = "database", runbook = "cpu", namespace = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
      period     = 60, periods = 5, threshold = 80, above = true, missing = "breaching"
      dimensions = { DBInstanceIdentifier = var.database.identifier }
    }
    database-connections = {
      fault      = "database", runbook = "database-connections", namespace = "AWS/RDS", metric = "DatabaseConnections"
      statistic  = "Maximum", period = 60, periods = 5, threshold = var.database.most_connections, above = true, missing = "missing"
      dimensions = { DBInstanceIdentifier = var.database.identifier }
    }
    database-storage = {
      fault      = "database", runbook = "database-storage", namespace = "AWS/RDS", metric = "FreeStorageSpace"
      statistic  = "Minimum", period = 300, periods = 1, threshold = var.database.least_free_gib * pow(1024, 3), above = false, missing = "missing"
      dimensions = { DBInstanceIdentifier = var.database.identifier }
    }
    database-memory = {
      fault      = "database", runbook = "memory", namespace = "AWS/RDS", metric = "FreeableMemory", statistic = "Minimum"
      period     = 60, periods = 5, threshold = 100 * pow(1024, 2), above = false, missing = "missing"
      dimensions = { DBInstanceIdentifier = var.database.identifier }
    }
  }

  replica_alarms = {
    for index, identifier in var.database.replica_identifiers : "replica-${index}-lag" => {
      fault      = "database", runbook = "replica-lag", namespace = "AWS/RDS", metric = "ReplicaLag", statistic = "Maximum"
      period     = 60, periods = 5, threshold = 60, above = true, missing = "breaching"
      dimensions = { DBInstanceIdentifier = identifier }
    }
  }

  function_alarms = {
    for function, name in var.function_names : "${function}-errors" => {
      fault      = "answers", runbook = "function-errors", namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum"
      period     = 60, periods = 1, threshold = 0, above = true, missing = "notBreaching"
      dimensions = { FunctionName = name }
    }
  }

  certificate_alarms = {
    certificate = {
      fault      = "certificates", runbook = "certificate", namespace = "AWS/CertificateManager", metric = "DaysToExpiry"
      statistic  = "Minimum", period = 86400, periods = 1, threshold = 21, above = false, missing = "missing"
      dimensions = { CertificateArn = var.certificate_arns.origin }
    }
  }

  painter_alarms = merge([
    for service, facts in var.services : {
      "${service}-failures" = {
        fault      = "queues", runbook = "painter-failures", namespace = local.own_namespace, metric = "${service}-failures"
        statistic  = "Sum", period = 300, periods = 1, threshold = var.painter.failures, above = true, missing = "notBreaching"
        dimensions = {}
      }
    } if facts.paints
  ]...)

  # Lines by which a service itself asks for a person (log_metrics.tf).
  log_alarms = {
    for service in keys(var.services) : "${service}-alarm-lines" => {
      fault      = "queues", runbook = "alarm-lines", namespace = local.own_namespace, metric = "${service}-alarm-lines"
      statistic  = "Sum", period = 60, periods = 1, threshold = 0, above = true, missing = "notBreaching"
      dimensions = {}
    }
  }

  # The workers write this metric into their log once a day (entrypoints/image_worker/periodic_tasks.py).
  model_alarms = {
    model-findings = {
      fault      = "models", runbook = "model-findings", namespace = "Tatemono", metric = "ModelFindings"
      statistic  = "Maximum", period = 86400, periods = 1, threshold = 0, above = true, missing = "notBreaching"
      dimensions = {}
    }
  }

  alarms = merge(
    local.service_alarms, local.http_alarms, local.queue_alarms, local.database_alarms, local.replica_alarms, local.function_alarms, local.certificate_alarms, local.painter_alarms,
    local.log_alarms, local.model_alarms,
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = "What to do: ${var.runbooks_url}/${each.value.runbook}.md"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  period              = each.value.period
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  treat_missing_data  = each.value.missing
  # No actions: the composite alarms speak, so that one fault is one message.
}
