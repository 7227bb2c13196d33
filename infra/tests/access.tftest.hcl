# Permission sets, temporary access, and the deploy role.

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

mock_provider "aws" {
  alias = "identity_center"

  mock_data "aws_ssoadmin_instances" {
    defaults = { arns = ["arn:aws:sso:::instance/ssoins-0123456789abcdef"], identity_store_ids = ["d-0123456789"] }
  }
}

variables {
  prefix                   = "tatemono-test"
  environment              = "prod"
  plan_name                = "tatemono"
  github_repository        = "example/tatemono"
  repository_arn           = "arn:aws:ecr:ap-northeast-1:111111111111:repository/tatemono"
  function_arns            = ["arn:aws:lambda:ap-northeast-1:111111111111:function:confirmation"]
  state_bucket_arn         = "arn:aws:s3:::state"
  state_key_arn            = "arn:aws:kms:ap-northeast-1:111111111111:key/1"
  origin_verify_secret_arn = "arn:aws:secretsmanager:ap-northeast-1:111111111111:secret:origin"
  owner_secret_arn         = "arn:aws:secretsmanager:ap-northeast-1:111111111111:secret:owner"
  kms_key_arn              = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
  queues                   = { jobs = { arn = "arn:queue:jobs", dead_arn = "arn:queue:jobs-dead" } }
  bastion                  = { instance_arn = "arn:aws:ec2:ap-northeast-1:111111111111:instance/i-1", shell_document = "shell" }
  cluster                  = { name = "tatemono-test", arn = "arn:aws:ecs:ap-northeast-1:111111111111:cluster/tatemono-test", services = ["api"], role_arns = ["arn:aws:iam::111111111111:role/api"] }
}

run "trusts_one_branch_for_one_environment" {
  command = plan

  module {
    source = "./modules/access"
  }

  providers = {
    aws                 = aws
    aws.identity_center = aws.identity_center
  }

  assert {
    condition     = one([for condition in data.aws_iam_policy_document.github.statement[0].condition : one(condition.values) if endswith(condition.variable, ":sub")]) == "repo:example/tatemono:environment:prod:ref:refs/heads/main"
    error_message = "GitHub's workflow may assume the role from main, for prod."
  }

  assert {
    condition     = alltrue([for condition in data.aws_iam_policy_document.github.statement[0].condition : condition.test == "StringEquals"])
    error_message = "And from no branch or environment that looks alike."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.deploy.statement : !contains(statement.actions, "*") && (!contains(statement.resources, "*") || contains(["Registry", "Describe"], statement.sid))])
    error_message = "A deploy does something to everything only where AWS knows no narrower resource."
  }
}

run "gives_operators_and_engineers_hours_only" {
  command = plan

  module {
    source = "./modules/access"
  }

  providers = {
    aws                 = aws
    aws.identity_center = aws.identity_center
  }

  assert {
    condition     = aws_ssoadmin_permission_set.this["operator"].session_duration == "PT2H" && keys(aws_ssoadmin_account_assignment.this) == ["engineer", "operator", "viewer"]
    error_message = "Operators and engineers have hours."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.engineer.statement : statement.effect] == ["Deny"]
    error_message = "Not even engineers turn off what audits the account."
  }
}

run "refuses_a_pattern_for_a_repository" {
  command = plan

  module {
    source = "./modules/access"
  }

  providers = {
    aws                 = aws
    aws.identity_center = aws.identity_center
  }

  variables {
    github_repository = "example/*"
  }

  expect_failures = [var.github_repository]
}

run "refuses_a_pattern_for_a_branch" {
  command = plan

  module {
    source = "./modules/access"
  }

  providers = {
    aws                 = aws
    aws.identity_center = aws.identity_center
  }

  variables {
    github_branch = "*"
  }

  expect_failures = [var.github_branch]
}

run "refuses_sessions_of_a_day" {
  command = plan

  module {
    source = "./modules/access"
  }

  providers = {
    aws                 = aws
    aws.identity_center = aws.identity_center
  }

  variables {
    operator_hours = 24
  }

  expect_failures = [var.operator_hours]
}
