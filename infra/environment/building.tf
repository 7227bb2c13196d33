# Who passes what to whom. The order is the reader's; Terraform finds its own.

module "safe" {
  source = "../modules/safe"

  prefix      = local.prefix
  plan_name   = local.plan.name
  environment = var.environment
  secrets     = local.plan.secrets

  database_urls = {
    for role in local.plan.database.roles : role => join("", [
      "postgresql://", replace(role, "-", "_"), "@",
      module.database.address, ":", module.database.port, "/", local.plan.database.name,
    ])
  }
}

module "network" {
  source = "../modules/network"

  prefix             = local.prefix
  cidr               = var.network.cidr
  nat                = var.network.nat
  service_ports      = [for service in values(local.http_services) : service.port]
  kms_key_arn        = module.safe.kms_key_arn
  log_retention_days = var.log_retention_days
}

module "storage" {
  source = "../modules/storage"

  prefix             = local.prefix
  buckets            = local.plan.buckets
  log_retention_days = var.log_retention_days
  distribution_arns  = [module.edge.distribution_arn]
}

module "database" {
  source = "../modules/database"

  prefix             = local.prefix
  engine_version     = local.plan.database.engine_version
  name               = local.plan.database.name
  subnet_ids         = module.network.subnet_ids.isolated
  security_group_id  = module.network.security_group_ids.database
  kms_key_arn        = module.safe.kms_key_arn
  log_retention_days = var.log_retention_days

  instance_class          = var.database.instance_class
  storage_gib             = var.database.storage_gib
  multi_az                = var.database.multi_az
  replica_count           = var.database.replica_count
  backup_retention_days   = var.database.backup_retention_days
  insights_retention_days = var.database.insights_retention_days
  deletion_protection     = var.database.deletion_protection
}

module "messaging" {
  source = "../modules/messaging"

  prefix = local.prefix
  queues = local.plan.queues
  topics = contains(keys(local.plan.queues), "mail-events") ? { mail-events = module.mail.events_topic_arn } : {}
}

module "services" {
  source = "../modules/services"

  prefix            = local.prefix
  environment       = var.environment
  services          = local.plan.services
  scaling_overrides = var.scaling_overrides
  spot_percent      = var.spot_percent
  image             = var.image
  repository_arn    = var.repository_arn

  limits         = jsonencode(local.plan.limits)
  ip_sets        = var.ip_sets
  secrets        = { for name, secret in local.plan.secrets : name => { arn = module.safe.filled_secret_arns[name], role = try(secret.role, null) } }
  parameter_arns = local.parameter_arns
  queues         = module.messaging.queues
  buckets        = module.storage.buckets
  user_pool_arns = { for name, pool in module.identity.user_pools : name => pool.arn }
  mail_arns      = module.mail.sender_arns

  database = {
    address          = module.database.address
    port             = module.database.port
    name             = local.plan.database.name
    resource_id      = module.database.resource_id
    owner            = module.database.owner
    owner_secret_arn = module.database.owner_secret_arn
    roles            = local.plan.database.roles
  }

  kms_key_arn        = module.safe.kms_key_arn
  subnet_ids         = module.network.subnet_ids.private
  security_group_id  = module.network.security_group_ids.services
  target_groups      = module.edge.target_groups
  log_retention_days = var.log_retention_days
}
