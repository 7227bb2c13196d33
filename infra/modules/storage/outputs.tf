output "buckets" {
  description = "The plan's buckets: name, ARN, and the name that CloudFront reaches each by."
  value = {
    for name in keys(var.buckets) : name => {
      name        = aws_s3_bucket.this[name].bucket
      arn         = aws_s3_bucket.this[name].arn
      domain_name = aws_s3_bucket.this[name].bucket_regional_domain_name
    }
  }
}

output "logs_bucket" {
  description = "Where access logs go, once the policy lets them be written."
  value = {
    name = aws_s3_bucket.this["logs"].bucket
    arn  = aws_s3_bucket.this["logs"].arn
  }
  depends_on = [aws_s3_bucket_policy.logs]
}
