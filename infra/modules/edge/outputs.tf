output "distribution_id" {
  description = "Id of the CloudFront distribution, the dimension of its metrics."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_arn" {
  description = "ARN of the CloudFront distribution: the buckets let it read."
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_domain_name" {
  description = "The distribution's own name, which DNS points to."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "target_groups" {
  description = "Target group of each http service: ARN, the label for scaling by requests, the dimension of its metrics."
  value = {
    for name, group in aws_lb_target_group.this : name => {
      arn            = group.arn
      arn_suffix     = group.arn_suffix
      resource_label = "${aws_lb.this.arn_suffix}/${group.arn_suffix}"
    }
  }
  # ECS refuses a target group that no load balancer knows yet.
  depends_on = [aws_lb_listener_rule.this]
}

output "load_balancer_arn_suffix" {
  description = "The load balancer, as its metrics call it."
  value       = aws_lb.this.arn_suffix
}

output "picture_url_key_ids" {
  description = "CloudFront's ids of the keys that check picture URLs, by the names they were given."
  value       = { for name, key in aws_cloudfront_public_key.picture : name => key.id }
}

output "certificate_arns" {
  description = "CloudFront's certificate (in us-east-1) and the load balancer's."
  value = {
    distribution = aws_acm_certificate.distribution.arn
    origin       = aws_acm_certificate.origin.arn
  }
}

output "firewall_arn" {
  description = "ARN of the firewall."
  value       = aws_wafv2_web_acl.this.arn
}

output "firewall_name" {
  description = "Name of the firewall, the dimension of its metrics."
  value       = aws_wafv2_web_acl.this.name
}
