# Security headers of every answer. A content security policy that a service sends itself stands: it knows its pages best.

resource "aws_cloudfront_response_headers_policy" "this" {
  for_each = var.edge.content_security_policy

  name    = "${var.prefix}-${each.key}"
  comment = "Security headers of ${each.key}"

  security_headers_config {
    content_security_policy {
      content_security_policy = each.value
      override                = false
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = false
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }
  }

  custom_headers_config {
    items {
      header   = "Permissions-Policy"
      value    = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
      override = false
    }

    items {
      header   = "Cross-Origin-Opener-Policy"
      value    = "same-origin"
      override = false
    }
  }

  remove_headers_config {
    items {
      header = "Server"
    }
  }
}
