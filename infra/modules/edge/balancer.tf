# The load balancer: routes by prefix, and answers only requests that come through CloudFront.

data "aws_secretsmanager_secret_version" "origin_verify" {
  secret_id = var.origin_verify_secret_arn
}

locals {
  # One value, or two while it is changed: CloudFront sends the first, load balancer and services accept both.
  origin_verify_values = split(",", data.aws_secretsmanager_secret_version.origin_verify.secret_string)
}

resource "aws_lb" "this" {
  name                       = var.prefix
  load_balancer_type         = "application"
  internal                   = var.private_load_balancer
  security_groups            = [var.security_group_id]
  subnets                    = var.private_load_balancer ? var.subnet_ids.private : var.subnet_ids.public
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection
  # As CloudFront sends it: the last address is the viewer's, by which the services count (entrypoints/http/rate_limits.py).
  xff_header_processing_mode = "preserve"
  # Longer than CloudFront waits for the next byte of a stream, and than it keeps an idle connection.
  idle_timeout = 2 * var.edge.event_streams.read_timeout_seconds

  access_logs {
    bucket  = var.logs_bucket.name
    prefix  = "load-balancer"
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  for_each = var.services

  name                 = "${var.prefix}-${substr(md5(each.key), 0, 6)}"
  port                 = each.value.port
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  deregistration_delay = each.value.stop_timeout_seconds
  # The least busy task gets the next request: streams last for minutes.
  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path                = each.value.health_path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  tags = { Service = each.key }

  lifecycle {
    create_before_destroy = true
  }
}

# Unless a rule forwards it, a request is refused.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.origin.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "This address is not a way in."
      status_code  = "403"
    }
  }
}

# CloudFront never uses port 80, and the security group opens it to no address: should it be opened, it redirects.
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener_rule" "this" {
  for_each = { for index, prefix in local.through_balancer : prefix => 10 * (index + 1) }

  listener_arn = aws_lb_listener.https.arn
  priority     = each.value

  condition {
    path_pattern {
      values = ["${each.key}*"]
    }
  }

  condition {
    http_header {
      http_header_name = var.edge.origin_verify_header
      values           = local.origin_verify_values
    }
  }

  dynamic "action" {
    for_each = compact([local.behaviors[each.key].service])

    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.this[action.value].arn
    }
  }

  # A behaviour without a service.
  dynamic "action" {
    for_each = local.behaviors[each.key].service == null ? ["none"] : []

    content {
      type = "fixed-response"

      fixed_response {
        content_type = "text/plain"
        message_body = "Not found."
        status_code  = "404"
      }
    }
  }

  tags = { Name = "${var.prefix}-${local.slugs[each.key]}" }
}
