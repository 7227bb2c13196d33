# Where the users are.
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
  most_connections      = 1200
  multi_az              = true
  backup_retention_days = 35
  deletion_protection   = true
}

spot_percent       = 0
log_retention_days = 365

ip_sets = { operators = ["203.0.113.0/29", "2001:db8::/48"] }

github          = { repository = "example/tatemono" }
identity_center = { region = "ap-northeast-1" }

state = {
  bucket_arn = "arn:aws:s3:::tatemono-terraform-state-333333333333"
  key_arn    = "arn:aws:kms:ap-northeast-1:333333333333:key/00000000-0000-0000-0000-000000000000"
}

# Public halves only. Make a pair: docs/how-to/aws.md
picture_url_signing_key = "first"
picture_url_public_keys = {
  first = <<-PEM
    -----BEGIN PUBLIC KEY-----
    (the public key of this environment)
    -----END PUBLIC KEY-----
  PEM
}

painter = { failures = 20, picture_usd = 0.05, most_usd_per_hour = 200 }

budget = { monthly_usd = 3000, anomaly_usd = 100, email = "finance@example.com" }
trail  = { locked_days = 365 }
