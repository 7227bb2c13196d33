# One certificate for CloudFront, which wants it in us-east-1, and one for the load balancer behind it.

locals {
  origin_name = "origin.${var.domain_name}"
}

resource "aws_acm_certificate" "distribution" {
  provider = aws.us_east_1

  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# The load balancer is asked for by both names: CloudFront connects to the origin's and passes on the viewer's.
resource "aws_acm_certificate" "origin" {
  domain_name               = local.origin_name
  subject_alternative_names = [var.domain_name]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  validations = merge(
    { for option in aws_acm_certificate.origin.domain_validation_options : option.domain_name => option },
    # The same name has the same record in every region.
    { for option in aws_acm_certificate.distribution.domain_validation_options : option.domain_name => option },
  )
}

resource "aws_route53_record" "validation" {
  for_each = local.validations

  zone_id         = var.hosted_zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "distribution" {
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.distribution.arn
  validation_record_fqdns = [aws_route53_record.validation[var.domain_name].fqdn]
}

resource "aws_acm_certificate_validation" "origin" {
  certificate_arn         = aws_acm_certificate.origin.arn
  validation_record_fqdns = [for name in [local.origin_name, var.domain_name] : aws_route53_record.validation[name].fqdn]
}
