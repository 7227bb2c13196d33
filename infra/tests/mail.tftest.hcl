# SES.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111111111111" }
  }

  mock_data "aws_region" {
    defaults = { name = "ap-northeast-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}
variables {
  prefix            = "tatemono-test"
  domain_name       = "test.example.com"
  hosted_zone_id    = "Z1"
  sender_name       = "Tatemono"
  configuration_set = "letters"
  events_queue      = "letter-events"
  event_types       = ["BOUNCE", "COMPLAINT"]
  kms_key_arn       = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
}

# Three, as SES gives them.
override_resource {
  target          = aws_sesv2_email_identity.this
  override_during = plan
  values          = { dkim_signing_attributes = { tokens = ["a", "b", "c"] } }
}

run "shows_that_mail_is_ours" {
  command = plan

  module {
    source = "./modules/mail"
  }

  assert {
    condition     = length(aws_route53_record.dkim) == 3 && aws_route53_record.mail_from_spf.records == toset(["v=spf1 include:amazonses.com -all"]) && aws_route53_record.dmarc.records == toset(["v=DMARC1; p=quarantine; adkim=s; aspf=r"])
    error_message = "DKIM, SPF and DMARC are in the zone."
  }

  assert {
    condition     = aws_sesv2_configuration_set.this.delivery_options[0].tls_policy == "REQUIRE" && aws_sesv2_email_identity_mail_from_attributes.this.behavior_on_mx_failure == "REJECT_MESSAGE"
    error_message = "No mail without TLS, and none from a foreign domain."
  }

  assert {
    condition     = aws_sesv2_configuration_set_event_destination.events.event_destination[0].matching_event_types == toset(["BOUNCE", "COMPLAINT"])
    error_message = "SES publishes the events that the plan names."
  }

  assert {
    condition     = aws_sesv2_configuration_set.this.configuration_set_name == "tatemono-test-letters" && aws_sns_topic.events.name == "tatemono-test-letter-events"
    error_message = "The configuration set, and the topic before the queue, are named as in the plan."
  }
}

run "refuses_a_policy_that_dmarc_does_not_know" {
  command = plan

  module {
    source = "./modules/mail"
  }

  variables {
    dmarc_policy = "strict"
  }

  expect_failures = [var.dmarc_policy]
}
