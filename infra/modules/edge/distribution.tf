# The CloudFront distribution.

locals {
  # AWS's own policies have the same ids in every account.
  # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
  caching_disabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  # Everything that the viewer sent, Host included.
  all_viewer = "216adef6-5c7f-47e4-b989-5492eafa07d3"

  building = "building"

  cache = {
    for prefix, behavior in local.behaviors : prefix => merge(behavior, {
      target  = behavior.bucket == null ? local.building : behavior.bucket
      private = behavior.bucket != null
    })
  }
}

resource "aws_cloudfront_origin_access_control" "this" {
  for_each = var.buckets

  name                              = "${var.prefix}-${each.key}"
  description                       = "CloudFront signs what it asks the bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_vpc_origin" "this" {
  count = var.private_load_balancer ? 1 : 0

  vpc_origin_endpoint_config {
    name                   = var.prefix
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  comment         = var.prefix
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_200"
  aliases         = [var.domain_name]
  web_acl_id      = aws_wafv2_web_acl.this.arn

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.distribution.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  origin {
    origin_id   = local.building
    domain_name = local.origin_name

    custom_header {
      name  = var.edge.origin_verify_header
      value = local.origin_verify_values[0]
    }

    dynamic "custom_origin_config" {
      for_each = var.private_load_balancer ? [] : ["public"]

      content {
        http_port                = 80
        https_port               = 443
        origin_protocol_policy   = "https-only"
        origin_ssl_protocols     = ["TLSv1.2"]
        origin_read_timeout      = var.edge.event_streams.read_timeout_seconds
        origin_keepalive_timeout = 60
      }
    }

    dynamic "vpc_origin_config" {
      for_each = aws_cloudfront_vpc_origin.this

      content {
        vpc_origin_id            = vpc_origin_config.value.id
        origin_read_timeout      = var.edge.event_streams.read_timeout_seconds
        origin_keepalive_timeout = 60
      }
    }
  }

  dynamic "origin" {
    for_each = var.buckets

    content {
      origin_id                = origin.key
      domain_name              = origin.value.domain_name
      origin_access_control_id = aws_cloudfront_origin_access_control.this[origin.key].id
    }
  }

  # Answers of the services are neither cached nor compressed: an event stream is passed on as it comes.
  default_cache_behavior {
    target_origin_id           = local.cache["/"].target
    viewer_protocol_policy     = local.cache["/"].viewer_protocol_policy
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = local.caching_disabled
    origin_request_policy_id   = local.all_viewer
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this[local.cache["/"].kind].id
  }

  dynamic "ordered_cache_behavior" {
    for_each = [for prefix in local.order : merge(local.cache[prefix], { path_prefix = prefix }) if prefix != "/"]
    iterator = behavior

    content {
      path_pattern               = "${behavior.value.path_prefix}*"
      target_origin_id           = behavior.value.target
      viewer_protocol_policy     = behavior.value.viewer_protocol_policy
      allowed_methods            = behavior.value.private ? ["GET", "HEAD"] : ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = false
      cache_policy_id            = behavior.value.private ? local.caching_optimized : local.caching_disabled
      origin_request_policy_id   = behavior.value.private ? null : local.all_viewer
      response_headers_policy_id = aws_cloudfront_response_headers_policy.this[behavior.value.kind].id
      # Only URLs that the services signed. The path is the object's key, with the prefix.
      trusted_key_groups = behavior.value.private ? [aws_cloudfront_key_group.pictures.id] : null
    }
  }
}
