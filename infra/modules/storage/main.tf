# The plan's buckets, and one for access logs. None is public, all need TLS.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Names of buckets are shared by the whole world: the account's number makes them ours.
  account_id = data.aws_caller_identity.current.account_id
  names      = merge({ for name in keys(var.buckets) : name => "${var.prefix}-${name}-${local.account_id}" }, { logs = "${var.prefix}-logs-${local.account_id}" })
  # These take forms of presigned POSTs, and keep what is in them for a short time.
  takes_uploads = { for name, bucket in var.buckets : name => bucket.uploads if bucket.uploads != null }
  versioned     = merge({ for name, bucket in var.buckets : name => bucket.versioned }, { logs = true })
}

resource "aws_s3_bucket" "this" {
  for_each = local.names

  bucket = each.value

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.names

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.versioned

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    # A bucket that has had versions can never be without again, only stop making them.
    status = each.value ? "Enabled" : "Suspended"
  }
}

# S3's own keys: the load balancer and CloudFront can write logs to no other, and a picture that is fetched a thousand
# times would cost a thousand calls to KMS.
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.names

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.versioned

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.deleted_version_days
    }
  }

  dynamic "rule" {
    for_each = each.key == "logs" ? ["logs"] : []

    content {
      id     = "old-logs"
      status = "Enabled"
      filter {}

      expiration {
        days = var.log_retention_days
      }
    }
  }

  dynamic "rule" {
    for_each = contains(keys(local.takes_uploads), each.key) ? ["incoming"] : []

    content {
      id     = "never-taken"
      status = "Enabled"

      # What was uploaded and never used (src/tatemono/domain/pictures/references.py).
      filter {
        prefix = "incoming/"
      }

      expiration {
        days = 1
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "logs" || contains(keys(local.takes_uploads), each.key) ? [] : ["pictures"]

    content {
      id     = "seldom-seen"
      status = "Enabled"
      filter {}

      # Moves objects that are not read to cheaper storage, and back at the first read, without a fee for reading.
      transition {
        days          = 0
        storage_class = "INTELLIGENT_TIERING"
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# A browser asks first whether the page may send its form there. Apps do not ask.
resource "aws_s3_bucket_cors_configuration" "uploads" {
  for_each = local.takes_uploads

  bucket = aws_s3_bucket.this[each.key].id

  cors_rule {
    allowed_origins = [var.page_origin]
    allowed_methods = ["POST"]
    allowed_headers = ["*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.buckets

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "buckets/${each.key}/"

  depends_on = [aws_s3_bucket_policy.logs]
}
