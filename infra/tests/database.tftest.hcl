# The database: encrypted, with a standby, backed up.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111111111111" }
  }

  mock_data "aws_region" {
    defaults = { name = "ap-northeast-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  prefix                = "tatemono-test"
  engine_version        = "18"
  name                  = "tatemono"
  subnet_ids            = ["subnet-a", "subnet-b", "subnet-c"]
  security_group_id     = "sg-1"
  kms_key_arn           = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
  instance_class        = "db.t4g.medium"
  storage_gib           = { first = 20, most = 100 }
  multi_az              = true
  backup_retention_days = 7
  log_retention_days    = 30
}

run "keeps_what_is_in_it" {
  command = plan

  module {
    source = "./modules/database"
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.publicly_accessible
    error_message = "Encrypted, protected, never deleted without a snapshot, and not public."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.iam_database_authentication_enabled
    error_message = "RDS keeps the password of the owner, all other roles sign in with IAM."
  }

  assert {
    condition     = one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"]) == "1" && aws_db_parameter_group.this.family == "postgres18"
    error_message = "No connection without TLS."
  }
}

run "refuses_to_forget_at_once" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    backup_retention_days = 0
  }

  expect_failures = [var.backup_retention_days]
}

run "refuses_an_old_postgresql" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    engine_version = "12"
  }

  expect_failures = [var.engine_version]
}

run "refuses_a_single_zone" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    subnet_ids = ["subnet-a"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_storage_that_cannot_grow" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    storage_gib = { first = 100, most = 100 }
  }

  expect_failures = [var.storage_gib]
}
