# To break things in: one NAT gateway, one database, spare capacity.
environment = "dev"
account_id  = "111111111111"
owner       = "platform"
cost_center = "development"

domain_name    = "dev.example.com"
hosted_zone_id = "Z0000000000000000DEV"
repository_arn = "arn:aws:ecr:ap-northeast-1:111111111111:repository/tatemono"

network = { cidr = "10.10.0.0/16", nat = "single" }

database = {
  instance_class        = "db.t4g.micro"
  storage_gib           = { first = 20, most = 100 }
  most_connections      = 60
  multi_az              = false
  backup_retention_days = 7
  deletion_protection   = false
}

spot_percent       = 100
log_retention_days = 30

scaling_overrides = {
  mobile-api   = { min = 1, max = 2 }
  admin-api    = { min = 1, max = 1 }
  image-worker = { min = 1, max = 4 }
}

ip_sets = { operators = ["203.0.113.0/29", "2001:db8::/48"] }

github          = { repository = "example/tatemono" }
identity_center = { region = "ap-northeast-1" }

state = {
  bucket_arn = "arn:aws:s3:::tatemono-terraform-state-111111111111"
  key_arn    = "arn:aws:kms:ap-northeast-1:111111111111:key/00000000-0000-0000-0000-000000000000"
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

painter = { failures = 5, picture_usd = 0.05, most_usd_per_hour = 5 }

budget = { monthly_usd = 150, anomaly_usd = 10, email = "finance@example.com" }
trail  = { locked_days = 90 }
