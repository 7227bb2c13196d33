output "cluster_name" {
  description = "The ECS cluster, the dimension of its metrics."
  value       = aws_ecs_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "service_names" {
  description = "Names of the ECS services, by the plan's names."
  value       = { for name, service in aws_ecs_service.this : name => service.name }
}

output "log_groups" {
  description = "Names of the log groups, by service and for the migrations."
  value       = { for name, group in aws_cloudwatch_log_group.service : name => group.name }
}

output "role_arns" {
  description = "Task and execution roles: the deploy role must be able to pass them."
  value       = concat([for role in aws_iam_role.task : role.arn], [for role in aws_iam_role.execution : role.arn])
}

output "migrations_task_definition_arn" {
  description = "The one-off task of a deploy."
  value       = aws_ecs_task_definition.migrations.arn
}
