output "url" {
  description = "Domain name of the environment, which CloudFront answers."
  value       = local.public_url
}

output "distribution_id" {
  description = "The CloudFront distribution."
  value       = module.edge.distribution_id
}

output "secret_arns" {
  description = "ARNs of the secrets, by the plan's names: to fill them."
  value       = module.secrets.secret_arns
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
  description = "Address of the database, for a tunnel through the bastion."
  value = {
    address          = module.database.address
    port             = module.database.port
    owner            = module.database.owner
    owner_secret_arn = module.database.owner_secret_arn
  }
}

output "bastion" {
  description = "Id of the bastion, and the session document of a shell on it."
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

output "temporary_access" {
  description = "Groups of Identity Center, and what ends temporary access."
  value       = merge(module.access.temporary_access, { group_ids = module.access.group_ids })
}

output "nat_addresses" {
  description = "Public addresses of the NAT gateways: outgoing connections come from them."
  value       = module.network.nat_addresses
}
