# The logs' policy stands apart from the others: the load balancer waits for it, CloudFront for the load balancer, and the
# plan's buckets for CloudFront.

locals {
  log_writers = {
    Buckets       = "logging.s3.amazonaws.com"
    Distributions = "delivery.logs.amazonaws.com"
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = local.names

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

data "aws_iam_policy_document" "logs" {
  source_policy_documents = [data.aws_iam_policy_document.tls_only["logs"].json]

  dynamic "statement" {
    for_each = local.log_writers

    content {
      sid     = statement.key
      actions = ["s3:PutObject"]
      # Every key, not a folder: the log services check the policy with a key of their own choice.
      resources = ["${aws_s3_bucket.this["logs"].arn}/*"]

      principals {
        type        = "Service"
        identifiers = [statement.value]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account_id]
      }
    }
  }

  statement {
    sid       = "LoadBalancer"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.this["logs"].arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:elasticloadbalancing:${data.aws_region.current.name}:${local.account_id}:loadbalancer/*"]
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = var.buckets

  source_policy_documents = [data.aws_iam_policy_document.tls_only[each.key].json]

  dynamic "statement" {
    for_each = contains(var.served_buckets, each.key) ? ["read"] : []

    content {
      sid       = "CloudFront"
      actions   = ["s3:GetObject"]
      resources = ["${aws_s3_bucket.this[each.key].arn}/*"]

      principals {
        type        = "Service"
        identifiers = ["cloudfront.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "AWS:SourceArn"
        values   = var.distribution_arns
      }
    }
  }

  # Another principal that needs its content changes this policy first, which the trail records.
  dynamic "statement" {
    for_each = var.buckets[each.key].only != null ? ["only"] : []

    content {
      sid       = "OneServiceOnly"
      effect    = "Deny"
      actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"]
      resources = ["${aws_s3_bucket.this[each.key].arn}/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }

      condition {
        test     = "StringNotEquals"
        variable = "aws:PrincipalArn"
        values   = ["arn:${data.aws_partition.current.partition}:iam::${local.account_id}:role/${var.prefix}-${var.buckets[each.key].only}"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.this["logs"].id
  policy = data.aws_iam_policy_document.logs.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_policy" "bucket" {
  for_each = var.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.this]
}
