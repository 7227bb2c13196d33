# Parameter Store: plain values, and the ARNs of the secrets. ECS reads them when a task starts.

locals {
  # What Terraform provides, by the plan's names; it outweighs a value in the plan.
  provided = merge(
    {
      public-url             = local.public_url
      picture-url-key-id     = module.edge.picture_url_key_ids[var.picture_url_signing_key]
      distribution-id        = module.edge.distribution_id
      mail-sender            = module.mail.sender
      mail-configuration-set = module.mail.configuration_set
    },
    { for name, queue in module.messaging.queues : "${name}-queue-url" => queue.url },
    { for name, queue in module.messaging.queues : "${name}-dead-queue-url" => queue.dead_url },
    { for name, bucket in module.storage.buckets : "${name}-bucket" => bucket.name },
    { for name in local.called_services : "${name}-url" => "http://${name}.${local.prefix}.internal:${local.http_services[name].port}" },
    { for name, bucket in module.storage.buckets : "${name}-url" => "https://${bucket.domain_name}/" },
    { for name, arn in module.secrets.secret_arns : "${name}-arn" => arn },
    merge([
      for name, pool in module.identity.user_pools : {
        "${name}-pool-id"    = pool.id
        "${name}-client-id"  = pool.client_id
        "${name}-issuer"     = pool.issuer
        "${name}-jwks-url"   = pool.jwks_url
        "${name}-domain-url" = pool.domain_url
      }
    ]...),
    { for name, pool in module.identity.identity_pools : "${name}-identity-pool-id" => pool.id },
  )

  parameter_arns = { for name, parameter in aws_ssm_parameter.plain : name => parameter.arn }
}

resource "aws_ssm_parameter" "plain" {
  for_each = local.plan.parameters

  name        = "/${var.environment}/${local.plan.name}/${each.key}"
  description = each.value.description
  type        = "String"
  value       = try(local.provided[each.key], each.value.value)
}

resource "aws_ssm_parameter" "secret_arn" {
  for_each = local.plan.secrets

  name        = "/${var.environment}/${local.plan.name}/${each.key}"
  description = "ARN of the secret ${each.key}"
  type        = "String"
  value       = module.secrets.secret_arns[each.key]
}
