# All of one environment, by its variables: terraform test -filter=tests/environment.tftest.hcl
# -var-file=env/dev.tfvars (stg, prod). Without -var-file it has none, and is not to be run.

variables {
  # As the deploy workflow gives them; any file will do for a zip that is not unpacked.
  image        = "111111111111.dkr.ecr.ap-northeast-1.amazonaws.com/tatemono@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  function_zip = "building.yaml"
  # Of the certificates below.
  domain_name = "test.example.com"
}

mock_provider "aws" {
  override_data {
    target = module.network.data.aws_availability_zones.available
    values = { names = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"] }
  }

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

  mock_data "aws_secretsmanager_secret_version" {
    defaults = { secret_string = "value" }
  }

  override_resource {
    target          = module.edge.aws_acm_certificate.origin
    override_during = plan
    values = {
      arn = "arn:aws:acm:ap-northeast-1:111111111111:certificate/origin"
      domain_validation_options = [
        { domain_name = "origin.test.example.com", resource_record_name = "_a", resource_record_type = "CNAME", resource_record_value = "_a" },
        { domain_name = "test.example.com", resource_record_name = "_b", resource_record_type = "CNAME", resource_record_value = "_b" },
      ]
    }
  }
}

mock_provider "aws" {
  alias = "us_east_1"

  override_resource {
    target          = module.edge.aws_acm_certificate.distribution
    override_during = plan
    values = {
      arn = "arn:aws:acm:us-east-1:111111111111:certificate/distribution"
      domain_validation_options = [
        { domain_name = "test.example.com", resource_record_name = "_b", resource_record_type = "CNAME", resource_record_value = "_b" },
      ]
    }
  }
}

mock_provider "aws" {
  alias = "identity_center"

  mock_data "aws_ssoadmin_instances" {
    defaults = { arns = ["arn:aws:sso:::instance/ssoins-0123456789abcdef"], identity_store_ids = ["d-0123456789"] }
  }
}

run "plans_all_of_it" {
  command = plan

  module {
    source = "./environment"
  }

  assert {
    condition     = length(setsubtract(keys(local.plan.parameters), keys(aws_ssm_parameter.plain))) == 0
    error_message = "Every parameter of the plan is in Parameter Store."
  }

  assert {
    condition     = toset(keys(aws_ssm_parameter.secret_arn)) == toset(keys(local.plan.secrets))
    error_message = "The ARN of every secret of the plan is there too."
  }
}
