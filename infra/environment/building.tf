# What each module gets from the others. The order is the reader's; Terraform finds its own.

locals {
  # With the role that a connection string signs in as, and once its value is in.
  secrets = {
    for name, secret in local.plan.secrets : name => { arn = module.secrets.filled_secret_arns[name], role = try(secret.role, null) }
  }
}

module "secrets" {
  source = "../modules/secrets"

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
  called_ports       = [for name in local.called_services : local.http_services[name].port]
  kms_key_arn        = module.secrets.kms_key_arn
  log_retention_days = var.log_retention_days
}

module "storage" {
  source = "../modules/storage"

  prefix             = local.prefix
  buckets            = local.plan.buckets
  log_retention_days = var.log_retention_days
  served_buckets     = local.served_buckets
  page_origin        = local.public_url
  distribution_arns  = [module.edge.distribution_arn]
}

module "database" {
  source = "../modules/database"

  prefix             = local.prefix
  engine_version     = local.plan.database.engine_version
  name               = local.plan.database.name
  subnet_ids         = module.network.subnet_ids.isolated
  security_group_id  = module.network.security_group_ids.database
  kms_key_arn        = module.secrets.kms_key_arn
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
  topics = { (local.plan.mail.events_queue) = module.mail.events_topic_arn }
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
  secrets        = local.secrets
  parameter_arns = local.parameter_arns
  queues         = module.messaging.queues
  buckets        = module.storage.buckets
  user_pool_arns = { for name, pool in module.identity.user_pools : name => pool.arn }
  mail_arns      = module.mail.sender_arns

  distribution_arn = module.edge.distribution_arn

  identity_pool_arns = { for name, pool in module.identity.identity_pools : name => pool.arn }

  database = {
    address          = module.database.address
    port             = module.database.port
    name             = local.plan.database.name
    resource_id      = module.database.resource_id
    owner            = module.database.owner
    owner_secret_arn = module.database.owner_secret_arn
    roles            = local.plan.database.roles
  }

  kms_key_arn        = module.secrets.kms_key_arn
  vpc_id             = module.network.vpc_id
  called_services    = local.called_services
  subnet_ids         = module.network.subnet_ids.private
  security_group_id  = module.network.security_group_ids.services
  target_groups      = module.edge.target_groups
  log_retention_days = var.log_retention_days
}

module "identity" {
  source = "../modules/identity"

  prefix               = local.prefix
  user_pools           = local.plan.identity.user_pools
  identity_pools       = local.plan.identity.identity_pools
  functions            = local.plan.identity.functions
  function_zip         = var.function_zip
  public_url           = local.public_url
  secrets              = local.secrets
  database_resource_id = module.database.resource_id
  kms_key_arn          = module.secrets.kms_key_arn
  subnet_ids           = module.network.subnet_ids.private
  security_group_id    = module.network.security_group_ids.functions
  deletion_protection  = var.environment == "prod"
  log_retention_days   = var.log_retention_days

  mail = {
    sender            = module.mail.sender
    identity_arn      = module.mail.identity_arn
    configuration_set = module.mail.configuration_set
  }
}

module "edge" {
  source = "../modules/edge"

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  prefix                   = local.prefix
  domain_name              = var.domain_name
  hosted_zone_id           = var.hosted_zone_id
  edge                     = local.plan.edge
  services                 = local.http_services
  buckets                  = { for name in local.served_buckets : name => module.storage.buckets[name] }
  logs_bucket              = module.storage.logs_bucket
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.subnet_ids
  security_group_id        = module.network.security_group_ids.load-balancer
  private_load_balancer    = var.private_load_balancer
  deletion_protection      = var.environment == "prod"
  origin_verify_secret_arn = module.secrets.secret_arns["origin-verify"]
  picture_url_public_keys  = var.picture_url_public_keys
  ip_sets                  = var.ip_sets
  counted_rules            = var.counted_rules
  log_retention_days       = var.log_retention_days
}

module "mail" {
  source = "../modules/mail"

  prefix         = local.prefix
  domain_name    = var.domain_name
  hosted_zone_id = var.hosted_zone_id
  sender_name    = title(local.plan.name)
  kms_key_arn    = module.secrets.kms_key_arn

  configuration_set = local.plan.mail.configuration_set
  events_queue      = local.plan.mail.events_queue
  event_types       = local.plan.mail.event_types
}

module "bastion" {
  source = "../modules/bastion"

  prefix             = local.prefix
  subnet_id          = module.network.subnet_ids.private[0]
  security_group_id  = module.network.security_group_ids.bastion
  kms_key_arn        = module.secrets.kms_key_arn
  log_retention_days = var.log_retention_days
}

module "access" {
  source = "../modules/access"

  providers = {
    aws                 = aws
    aws.identity_center = aws.identity_center
  }

  prefix                   = local.prefix
  environment              = var.environment
  plan_name                = local.plan.name
  github_repository        = var.github.repository
  github_branch            = var.github.branch
  repository_arn           = var.repository_arn
  function_arns            = values(module.identity.function_arns)
  state_bucket_arn         = var.state.bucket_arn
  state_key_arn            = var.state.key_arn
  origin_verify_secret_arn = module.secrets.secret_arns["origin-verify"]
  owner_secret_arn         = module.database.owner_secret_arn
  queues                   = module.messaging.queues
  kms_key_arn              = module.secrets.kms_key_arn

  bastion = {
    instance_arn   = module.bastion.instance_arn
    shell_document = module.bastion.shell_document
  }

  cluster = {
    name      = module.services.cluster_name
    arn       = module.services.cluster_arn
    services  = values(module.services.service_names)
    role_arns = module.services.role_arns
  }
}
