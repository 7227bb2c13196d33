# Buckets: none is public, all need TLS.

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
  prefix             = "tatemono-test"
  buckets            = { pictures = { versioned = false }, uploads = { versioned = true, uploads = { max_bytes = 1048576 } }, quarantine = { versioned = true, only = "worker" } }
  page_origin        = "https://test.example.com"
  served_buckets     = ["pictures"]
  distribution_arns  = ["arn:aws:cloudfront::111111111111:distribution/D"]
  log_retention_days = 30
}

run "closes_every_bucket" {
  command = plan

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = toset(keys(aws_s3_bucket.this)) == toset(["pictures", "uploads", "quarantine", "logs"]) && alltrue([for block in values(aws_s3_bucket_public_access_block.this) : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "No bucket can be opened to the world."
  }

  assert {
    condition     = alltrue([for document in values(data.aws_iam_policy_document.tls_only) : document.statement[0].effect == "Deny"]) && toset(keys(data.aws_iam_policy_document.tls_only)) == toset(keys(aws_s3_bucket.this))
    error_message = "Requests without TLS are refused, everywhere."
  }

  assert {
    condition     = { for name, document in data.aws_iam_policy_document.bucket : name => length(document.statement == null ? [] : document.statement) } == { pictures = 1, uploads = 0, quarantine = 1 }
    error_message = "CloudFront reads the buckets that it serves, and no other; the quarantine has its own rule."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this["uploads"].versioning_configuration[0].status == "Enabled" && aws_s3_bucket_versioning.this["pictures"].versioning_configuration[0].status == "Suspended"
    error_message = "Versions are kept where the plan says so."
  }
}

run "lets_one_service_alone_into_the_quarantine" {
  command = plan

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = contains(one([for statement in data.aws_iam_policy_document.bucket["quarantine"].statement : one(statement.condition).values if statement.sid == "OneServiceOnly"]), "arn:aws:iam::111111111111:role/tatemono-test-worker") && length([for statement in data.aws_iam_policy_document.bucket["pictures"].statement : statement if statement.sid == "OneServiceOnly"]) == 0
    error_message = "All principals but the worker are denied, and only there."
  }
}

run "takes_uploads_and_forgets_them" {
  command = plan

  module {
    source = "./modules/storage"
  }

  assert {
    condition = { for name, cors in aws_s3_bucket_cors_configuration.uploads : name => { origins = one(cors.cors_rule).allowed_origins, methods = one(cors.cors_rule).allowed_methods } } == {
      uploads = { origins = toset(["https://test.example.com"]), methods = toset(["POST"]) }
    }
    error_message = "Our own pages may send forms to the bucket of uploads, and to no other."
  }

  assert {
    condition     = { for name in ["pictures", "uploads"] : name => [for rule in aws_s3_bucket_lifecycle_configuration.this[name].rule : "${one(rule.filter).prefix} ${rule.expiration[0].days}" if rule.id == "never-taken"] } == { pictures = [], uploads = ["incoming/ 1"] }
    error_message = "What was sent and never taken goes after a day."
  }

  assert {
    condition     = alltrue([for life in values(aws_s3_bucket_lifecycle_configuration.this) : anytrue([for rule in life.rule : length(rule.abort_incomplete_multipart_upload) == 1])])
    error_message = "No bucket keeps parts of unfinished uploads."
  }
}

run "refuses_a_page_with_a_path" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    page_origin = "https://test.example.com/"
  }

  expect_failures = [var.page_origin]
}
