# CloudFront's access log, in the bucket of logs. Its deliveries are made in us-east-1.

resource "aws_cloudwatch_log_delivery_source" "access" {
  provider = aws.us_east_1

  name         = "${var.prefix}-cloudfront"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
}

resource "aws_cloudwatch_log_delivery_destination" "access" {
  provider = aws.us_east_1

  name          = "${var.prefix}-cloudfront"
  output_format = "parquet"

  delivery_destination_configuration {
    destination_resource_arn = "${var.logs_bucket.arn}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "access" {
  provider = aws.us_east_1

  delivery_source_name     = aws_cloudwatch_log_delivery_source.access.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.access.arn

  # No cookies, and no query: it holds the signatures of picture URLs.
  record_fields = [
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "cs-protocol", "cs-bytes", "time-taken",
    "ssl-protocol", "x-edge-response-result-type", "cs-protocol-version", "time-to-first-byte", "sc-content-type",
  ]

  s3_delivery_configuration {
    enable_hive_compatible_path = true
    suffix_path                 = "/{yyyy}/{MM}/{dd}"
  }
}
