# Where people are.
environment = "prod"
account_id  = "333333333333"
owner       = "platform"
cost_center = "production"

domain_name    = "app.example.com"
hosted_zone_id = "Z0000000000000000PROD"
repository_arn = "arn:aws:ecr:ap-northeast-1:333333333333:repository/tatemono"

network = { cidr = "10.30.0.0/16", nat = "per-zone" }

database = {
  instance_class        = "db.r8g.large"
  storage_gib           = { first = 100, most = 1000 }
  multi_az              = true
  backup_retention_days = 35
  deletion_protection   = true
}

spot_percent       = 0
log_retention_days = 365

ip_sets = { operators = ["203.0.113.0/29", "2001:db8::/48"] }
