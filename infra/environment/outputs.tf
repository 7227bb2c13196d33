output "url" {
  description = "Where people come in."
  value       = local.public_url
}

output "distribution_id" {
  description = "The CloudFront distribution."
  value       = module.edge.distribution_id
}

output "secret_arns" {
  description = "Secrets by the plan's names: whoever fills them needs the ARNs."
  value       = module.safe.secret_arns
}

output "cluster" {
  description = "The ECS cluster."
  value       = module.services.cluster_name
}

output "migrations" {
  description = "What `aws ecs run-task` needs for the migrations."
  value = {
    task_definition = module.services.migrations_task_definition_arn
    subnets         = module.network.subnet_ids.private
    security_group  = module.network.security_group_ids.services
  }
}

output "database" {
  description = "Where the database is, for a tunnel through the bastion."
  value = {
    address          = module.database.address
    port             = module.database.port
    owner            = module.database.owner
    owner_secret_arn = module.database.owner_secret_arn
  }
}

output "bastion" {
  description = "The machine of the service entrance, and the document of a shell on it."
  value       = { instance_id = module.bastion.instance_id, shell_document = module.bastion.shell_document }
}

output "deploy_role_arn" {
  description = "What GitHub's deploy workflow assumes."
  value       = module.access.deploy_role_arn
}

output "drift_role_arn" {
  description = "What GitHub's workflow that looks for drift assumes."
  value       = module.access.drift_role_arn
}

output "day_pass" {
  description = "Groups of Identity Center, and what ends a day pass."
  value       = merge(module.access.day_pass, { group_ids = module.access.group_ids })
}

output "nat_addresses" {
  description = "Addresses that the building is seen with from outside."
  value       = module.network.nat_addresses
}
