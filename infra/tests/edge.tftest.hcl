# CloudFront, firewall and load balancer: which request goes where, in which order, and which are refused.

mock_provider "aws" {
  mock_data "aws_secretsmanager_secret_version" {
    defaults = { secret_string = "new-value,old-value" }
  }

  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111111111111:loadbalancer/app/tatemono-test/0", arn_suffix = "app/tatemono-test/0" }
  }

  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111111111111:listener/app/tatemono-test/0/1" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111111111111:targetgroup/test/2" }
  }

  # Terraform makes the records from these, so they have to be known before it plans.
  override_resource {
    target          = aws_acm_certificate.origin
    override_during = plan
    values = {
      arn = "arn:aws:acm:ap-northeast-1:111111111111:certificate/origin"
      domain_validation_options = [
        { domain_name = "origin.test.example.com", resource_record_name = "_a.origin.test.example.com", resource_record_type = "CNAME", resource_record_value = "_a.acm.example" },
        { domain_name = "test.example.com", resource_record_name = "_b.test.example.com", resource_record_type = "CNAME", resource_record_value = "_b.acm.example" },
      ]
    }
  }
}

mock_provider "aws" {
  alias = "us_east_1"

  mock_resource "aws_wafv2_web_acl" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:111111111111:global/webacl/tatemono-test/3" }
  }

  mock_resource "aws_wafv2_rule_group" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:111111111111:global/rulegroup/tatemono-test-ip-rules/4" }
  }

  mock_resource "aws_wafv2_ip_set" {
    defaults = { arn = "arn:aws:wafv2:us-east-1:111111111111:global/ipset/tatemono-test/5" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:111111111111:log-group:aws-waf-logs-tatemono-test" }
  }

  override_resource {
    target          = aws_acm_certificate.distribution
    override_during = plan
    values = {
      arn = "arn:aws:acm:us-east-1:111111111111:certificate/distribution"
      domain_validation_options = [
        { domain_name = "test.example.com", resource_record_name = "_b.test.example.com", resource_record_type = "CNAME", resource_record_value = "_b.acm.example" },
      ]
    }
  }
}

variables {
  prefix                   = "tatemono-test"
  domain_name              = "test.example.com"
  hosted_zone_id           = "Z1"
  services                 = { mobile-api = { port = 8100, health_path = "/healthz", stop_timeout_seconds = 30 }, admin-api = { port = 8101, health_path = "/healthz", stop_timeout_seconds = 30 } }
  buckets                  = { pictures = { domain_name = "pictures.s3.ap-northeast-1.amazonaws.com" } }
  logs_bucket              = { name = "logs", arn = "arn:aws:s3:::logs" }
  vpc_id                   = "vpc-1"
  subnet_ids               = { public = ["subnet-a", "subnet-b"], private = ["subnet-c", "subnet-d"] }
  security_group_id        = "sg-1"
  origin_verify_secret_arn = "arn:aws:secretsmanager:ap-northeast-1:111111111111:secret:origin"
  picture_url_public_keys  = { one = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----" }
  ip_sets                  = { operators = ["203.0.113.0/29", "2001:db8::/48"] }
  log_retention_days       = 30

  edge = {
    origin_verify_header    = "X-Origin-Verify"
    max_body_bytes          = 65536
    event_streams           = { heartbeat_seconds = 15, read_timeout_seconds = 60 }
    content_security_policy = { pages = "default-src 'none'", api = "default-src 'none'", pictures = "default-src 'none'" }
    rate_limit              = { requests = 6000, window_seconds = 300, status = 429 }
    rate_limits             = [{ path_prefix = "/v1/api/auth/", requests = 600, window_seconds = 300, status = 429 }]
    # Not in the order of their length.
    behaviors = [
      { path_prefix = "/", kind = "pages", viewer_protocol_policy = "redirect-to-https", ip_set = "operators" },
      { path_prefix = "/v1/api/", kind = "api", viewer_protocol_policy = "https-only", service = "mobile-api" },
      { path_prefix = "/v1/api/admin/", kind = "api", viewer_protocol_policy = "https-only", service = "admin-api", ip_set = "operators" },
      { path_prefix = "/pictures/", kind = "pictures", viewer_protocol_policy = "https-only", bucket = "pictures" },
    ]
  }
}

run "asks_the_longest_prefix_first" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition     = aws_lb_listener_rule.this["/v1/api/admin/"].priority < aws_lb_listener_rule.this["/v1/api/"].priority && aws_lb_listener_rule.this["/v1/api/"].priority < aws_lb_listener_rule.this["/"].priority
    error_message = "The load balancer looks for /v1/api/admin/ before /v1/api/ before /."
  }

  assert {
    condition     = [for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.path_pattern] == ["/v1/api/admin/*", "/pictures/*", "/v1/api/*"]
    error_message = "CloudFront looks for the longest prefix first."
  }

  assert {
    condition     = alltrue([for rule in aws_lb_listener_rule.this : length([for condition in rule.condition : condition if length(condition.http_header) == 1]) == 1])
    error_message = "Every rule demands the origin-verify header."
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "403"
    error_message = "A request that no rule forwards is refused."
  }

  assert {
    condition     = aws_lb_listener_rule.this["/"].action[0].type == "fixed-response"
    error_message = "Behaviours without a service answer 404."
  }
}

run "accepts_two_values_of_the_header_and_sends_the_first" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition     = [for origin in aws_cloudfront_distribution.this.origin : [for header in origin.custom_header : header.value] if origin.origin_id == "building"] == [["new-value"]]
    error_message = "CloudFront sends the first value."
  }

  assert {
    condition = alltrue([
      for rule in aws_lb_listener_rule.this : [
        for condition in rule.condition : toset(condition.http_header[0].values) if length(condition.http_header) == 1
      ] == [toset(["new-value", "old-value"])]
    ])
    error_message = "The load balancer accepts both values while they are changed."
  }
}

run "keeps_pictures_for_signed_urls_and_streams_unbuffered" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition     = alltrue([for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : (behavior.path_pattern == "/pictures/*") == (behavior.target_origin_id == "pictures")])
    error_message = "Pictures come from their bucket, and nothing else does."
  }

  assert {
    condition     = alltrue([for behavior in aws_cloudfront_distribution.this.ordered_cache_behavior : behavior.cache_policy_id == local.caching_disabled && !behavior.compress if behavior.path_pattern != "/pictures/*"])
    error_message = "Nothing of the API is cached or compressed on the way."
  }

  assert {
    condition     = aws_lb.this.idle_timeout > var.edge.event_streams.read_timeout_seconds
    error_message = "The load balancer waits longer than CloudFront."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && aws_cloudfront_distribution.this.http_version == "http2and3"
    error_message = "TLS 1.2 of 2021 and HTTP/3."
  }
}

run "restricts_the_admin_site_and_its_api_by_address" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition     = toset([for rule in aws_wafv2_rule_group.ip_rules[0].rule : rule.name]) == toset(["only-operators-root", "only-operators-v1-api-admin"])
    error_message = "Both prefixes with an IP set have a rule."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_rule_group.ip_rules[0].rule : length(rule.action[0].block) == 1])
    error_message = "The rules block."
  }

  assert {
    condition     = aws_wafv2_ip_set.this["operators-IPV6"].addresses == toset(["2001:db8::/48"]) && aws_wafv2_ip_set.this["operators-IPV4"].addresses == toset(["203.0.113.0/29"])
    error_message = "Addresses are sorted by version."
  }

  assert {
    condition     = local.within["/"] == ["/v1/api/admin/", "/pictures/", "/v1/api/"]
    error_message = "What has a behavior of its own is not behind the pages' rule."
  }
}

run "counts_where_it_is_told_to" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    counted_rules = ["common", "rate", "only-operators-root"]
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.this.rule : length(rule.override_action[0].count) == 1 if rule.name == "common"])
    error_message = "The common rules count."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_web_acl.this.rule : length(rule.override_action[0].none) == 1 if rule.name == "known-bad-inputs"])
    error_message = "The others still block."
  }

  assert {
    condition     = alltrue([for rule in aws_wafv2_rule_group.ip_rules[0].rule : length(rule.action[0].count) == (rule.name == "only-operators-root" ? 1 : 0)])
    error_message = "So do the IP rules, each by itself."
  }
}

run "is_private_behind_a_vpc_origin" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    private_load_balancer = true
  }

  assert {
    condition     = aws_lb.this.internal && aws_lb.this.subnets == toset(["subnet-c", "subnet-d"]) && length(aws_cloudfront_vpc_origin.this) == 1
    error_message = "The load balancer has no public address, and CloudFront reaches it from within."
  }
}

run "refuses_to_count_a_rule_that_is_not_there" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    counted_rules = ["comon"]
  }

  expect_failures = [aws_wafv2_web_acl.this]
}

run "refuses_pictures_without_a_key" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    picture_url_public_keys = {}
  }

  expect_failures = [var.picture_url_public_keys]
}

run "refuses_a_private_key" {
  command = plan

  module {
    source = "./modules/edge"
  }

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    picture_url_public_keys = { one = "-----BEGIN PRIVATE KEY-----" }
  }

  expect_failures = [var.picture_url_public_keys]
}
