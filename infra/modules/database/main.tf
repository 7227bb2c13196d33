# The database. RDS keeps and rotates the owner's password; the services sign in with IAM (docs/adr/0027).

locals {
  family = "postgres${split(".", var.engine_version)[0]}"

  parameters = {
    "rds.force_ssl"                       = "1"
    "log_connections"                     = "1"
    "log_disconnections"                  = "1"
    "log_lock_waits"                      = "1"
    "log_statement"                       = "ddl"
    "log_min_duration_statement"          = "500"
    "idle_in_transaction_session_timeout" = "60000"
    # Values of parameters may be what a person typed, which must not be logged.
    "log_parameter_max_length"          = "0"
    "log_parameter_max_length_on_error" = "0"
    "pg_stat_statements.track"          = "ALL"
    # gp3 is no disk that turns. With the standard 4, plans that were made while a table was small read all of it, and
    # services keep their plans for minutes.
    "random_page_cost" = "1.1"
  }

  # These are read when the server starts.
  start_parameters = { "shared_preload_libraries" = "pg_stat_statements" }
}

resource "aws_db_subnet_group" "this" {
  name        = var.prefix
  description = "The isolated subnets"
  subnet_ids  = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  # A new major version wants a new group before the old one can go.
  name_prefix = "${var.prefix}-${local.family}-"
  family      = local.family
  description = "TLS only, slow statements and locks in the log"

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  dynamic "parameter" {
    for_each = local.start_parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["postgresql", "upgrade"])

  # RDS chooses the names; made here first, they have a key and an end.
  name              = "/aws/rds/instance/${var.prefix}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

data "aws_partition" "current" {}

resource "aws_iam_role" "monitoring" {
  name               = "${var.prefix}-database-monitoring"
  description        = "Lets RDS send the machine's numbers to CloudWatch"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "this" {
  identifier = var.prefix

  engine                      = "postgres"
  engine_version              = var.engine_version
  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false
  instance_class              = var.instance_class
  parameter_group_name        = aws_db_parameter_group.this.name

  db_name                             = var.name
  username                            = "${var.name}_owner"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib.first
  max_allocated_storage = var.storage_gib.most
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.security_group_id]
  publicly_accessible    = false

  # In UTC: three to four at night in Tokyo, then Monday morning.
  backup_window             = "18:00-19:00"
  maintenance_window        = "sun:19:30-sun:20:30"
  backup_retention_period   = var.backup_retention_days
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.prefix}-final"

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arn
  performance_insights_retention_period = var.insights_retention_days
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports       = keys(aws_cloudwatch_log_group.this)

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_db_instance" "replica" {
  count = var.replica_count

  identifier          = "${var.prefix}-replica-${count.index}"
  replicate_source_db = aws_db_instance.this.identifier
  instance_class      = var.instance_class

  parameter_group_name                = aws_db_parameter_group.this.name
  iam_database_authentication_enabled = true
  auto_minor_version_upgrade          = true
  storage_encrypted                   = true
  vpc_security_group_ids              = [var.security_group_id]
  publicly_accessible                 = false
  copy_tags_to_snapshot               = true
  deletion_protection                 = var.deletion_protection
  # A replica: there is nothing in it to keep.
  skip_final_snapshot = true

  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.kms_key_arn
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
}
