# Alarms, and what audits the account.

module "observability" {
  source = "../modules/observability"

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  prefix                   = local.prefix
  runbooks_url             = "https://github.com/${var.github.repository}/blob/${var.github.branch}/docs/how-to/runbooks"
  cluster_name             = module.services.cluster_name
  load_balancer_arn_suffix = module.edge.load_balancer_arn_suffix
  target_groups            = module.edge.target_groups
  queues                   = module.messaging.queues
  function_names           = module.identity.function_names
  distribution_id          = module.edge.distribution_id
  certificate_arns         = module.edge.certificate_arns
  painter                  = var.painter
  slack                    = var.slack
  kms_key_arn              = module.secrets.kms_key_arn

  services = {
    for name, service in local.plan.services : name => {
      name = module.services.service_names[name]
      # The services that have the key call the painter.
      paints    = contains([for source in values(service.environment) : try(source.secret, "")], "openai-api-key")
      log_group = module.services.log_groups[name]
    }
  }

  database = {
    identifier          = module.database.identifier
    replica_identifiers = module.database.replica_identifiers
    most_connections    = var.database.most_connections
    least_free_gib      = var.database.storage_gib.first / 10
  }
}

module "audit" {
  source = "../modules/audit"

  prefix             = local.prefix
  environment        = var.environment
  trail              = var.trail
  data_bucket_arns   = [for bucket in values(module.storage.buckets) : bucket.arn]
  topic_arn          = module.observability.topic_arns.here
  alert_email        = var.budget.email
  monthly_budget_usd = var.budget.monthly_usd
  anomaly_usd        = var.budget.anomaly_usd
}
