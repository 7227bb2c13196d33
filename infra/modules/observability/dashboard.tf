# One dashboard for the whole environment, from CloudFront to the database.

locals {
  here = data.aws_region.current.name

  graphs = [
    {
      title   = "Requests", region = local.here, stat = "Sum"
      metrics = [for service, group in var.target_groups : ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.load_balancer_arn_suffix, "TargetGroup", group.arn_suffix, { label = service }]]
    },
    {
      title   = "Errors (5xx)", region = local.here, stat = "Sum"
      metrics = [for service, group in var.target_groups : ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", var.load_balancer_arn_suffix, "TargetGroup", group.arn_suffix, { label = service }]]
    },
    {
      title   = "95 of 100 answers within, seconds", region = local.here, stat = "p95"
      metrics = [for service, group in var.target_groups : ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.load_balancer_arn_suffix, "TargetGroup", group.arn_suffix, { label = service }]]
    },
    {
      title   = "Tasks", region = local.here, stat = "Average"
      metrics = [for service, facts in var.services : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.cluster_name, "ServiceName", facts.name, { label = service }]]
    },
    {
      title   = "CPU of the services, %", region = local.here, stat = "Average"
      metrics = [for service, facts in var.services : ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster_name, "ServiceName", facts.name, { label = service }]]
    },
    {
      title = "Messages that wait", region = local.here, stat = "Maximum"
      metrics = concat(
        [for queue, names in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", names.name, { label = queue }]],
        [for queue, names in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", names.dead_name, { label = "${queue} (dead)" }]],
      )
    },
    {
      title   = "Oldest message, seconds", region = local.here, stat = "Maximum"
      metrics = [for queue, names in var.queues : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", names.name, { label = queue }]]
    },
    {
      title   = "Jobs", region = local.here, stat = "Sum"
      metrics = [for name in keys(local.counted) : [local.own_namespace, name]]
    },
    {
      title   = "Database: CPU % and connections", region = local.here, stat = "Average"
      metrics = [for metric in ["CPUUtilization", "DatabaseConnections"] : ["AWS/RDS", metric, "DBInstanceIdentifier", var.database.identifier]]
    },
    {
      title   = "Database: seconds per read and write", region = local.here, stat = "Average"
      metrics = [for metric in ["ReadLatency", "WriteLatency"] : ["AWS/RDS", metric, "DBInstanceIdentifier", var.database.identifier]]
    },
    {
      title   = "CloudFront: requests and error rate, %", region = "us-east-1", stat = "Average"
      metrics = [for metric in ["Requests", "5xxErrorRate", "4xxErrorRate"] : ["AWS/CloudFront", metric, "DistributionId", var.distribution_id, "Region", "Global"]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.prefix

  dashboard_body = jsonencode({
    widgets = [
      for index, graph in local.graphs : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = graph.title
          region  = graph.region
          stat    = graph.stat
          period  = 60
          view    = "timeSeries"
          metrics = graph.metrics
        }
      }
    ]
  })
}
