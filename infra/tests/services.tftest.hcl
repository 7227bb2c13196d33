# Tasks: their containers, their roles, and their scaling.

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
  prefix             = "tatemono-test"
  environment        = "dev"
  image              = "111111111111.dkr.ecr.ap-northeast-1.amazonaws.com/tatemono@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  repository_arn     = "arn:aws:ecr:ap-northeast-1:111111111111:repository/tatemono"
  limits             = "{}"
  ip_sets            = { operators = ["203.0.113.0/29", "2001:db8::/48"] }
  parameter_arns     = { jobs-queue-url = "arn:jobs-queue-url", mail-queue-url = "arn:mail-queue-url", pictures-bucket = "arn:pictures-bucket", keys-arn = "arn:keys-arn" }
  queues             = { jobs = { name = "tatemono-test-jobs", arn = "arn:queue:jobs", dead_arn = "arn:queue:jobs-dead" }, mail = { name = "tatemono-test-mail", arn = "arn:queue:mail", dead_arn = "arn:queue:mail-dead" } }
  buckets            = { pictures = { arn = "arn:aws:s3:::pictures" } }
  user_pool_arns     = { members = "arn:pool:members" }
  identity_pool_arns = { guests = "arn:pool:guests" }
  distribution_arn   = "arn:aws:cloudfront::111111111111:distribution/D"
  mail_arns          = ["arn:identity", "arn:configuration"]
  kms_key_arn        = "arn:aws:kms:ap-northeast-1:111111111111:key/0"
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-a", "subnet-b"]
  security_group_id  = "sg-1"
  target_groups      = { api = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111111111111:targetgroup/api/1", resource_label = "app/x/1/targetgroup/api/1" } }
  log_retention_days = 30

  secrets = {
    database-api    = { arn = "arn:secret:database-api", role = "the-api" }
    database-worker = { arn = "arn:secret:database-worker", role = "worker" }
    keys            = { arn = "arn:secret:keys" }
  }

  database = { address = "db.example", port = 5432, name = "tatemono", resource_id = "db-1", owner = "tatemono_owner", owner_secret_arn = "arn:secret:owner", roles = ["the-api", "worker"] }

  services = {
    api = {
      kind                 = "http"
      command              = ["python", "-m", "api"]
      port                 = 8100
      health_path          = "/healthz"
      size                 = { cpu = 256, memory_mib = 512 }
      scaling              = { min = 2, max = 4 }
      stop_timeout_seconds = 30
      user_pools           = { members = ["AdminGetUser"] }
      environment = {
        DATABASE_URL = { secret = "database-api" }
        KEYS_ARN     = { parameter = "keys-arn" }
        ALLOWED      = { ip_set = "operators" }
        LIMITS       = { limits = true }
        SWITCH       = { value = "off" }
      }
    }
    worker = {
      kind                 = "background"
      command              = ["python", "-m", "worker"]
      size                 = { cpu = 256, memory_mib = 512 }
      scaling              = { min = 0, max = 50, backlog_per_task = 8 }
      stop_timeout_seconds = 120
      consumes             = ["jobs"]
      protects_tasks       = true
      sends_mail           = true
      buckets              = { pictures = ["PutObject", "AbortMultipartUpload", "ListBucket", "ListBucketMultipartUploads"] }
      environment = {
        DATABASE_URL    = { secret = "database-worker" }
        JOBS_QUEUE_URL  = { parameter = "jobs-queue-url" }
        MAIL_QUEUE_URL  = { parameter = "mail-queue-url" }
        PICTURES_BUCKET = { parameter = "pictures-bucket" }
      }
    }
    keeper = {
      kind                 = "background"
      command              = ["python", "-m", "keeper"]
      size                 = { cpu = 256, memory_mib = 512 }
      scaling              = { min = 1, max = 2 }
      stop_timeout_seconds = 30
      moves_dead_letters   = true
      identity_pools       = { guests = ["ListIdentities", "DeleteIdentities"] }
      environment = {
        DATABASE_URL   = { secret = "database-worker" }
        JOBS_QUEUE_URL = { parameter = "jobs-queue-url" }
      }
    }
  }
}

run "closes_every_container" {
  command = plan

  module {
    source = "./modules/services"
  }

  assert {
    condition = alltrue([
      for task in concat(values(aws_ecs_task_definition.service), [aws_ecs_task_definition.migrations]) : alltrue([
        for container in jsondecode(task.container_definitions) :
        container.readonlyRootFilesystem && container.user == "10001:10001" && container.linuxParameters.capabilities.drop == ["ALL"] && !container.privileged
      ])
    ])
    error_message = "No container writes to its root, is root, or has a capability."
  }

  assert {
    condition     = alltrue([for task in values(aws_ecs_task_definition.service) : task.runtime_platform[0].cpu_architecture == "ARM64" && endswith(jsondecode(task.container_definitions)[0].image, "@${split("@", var.image)[1]}")])
    error_message = "All run the one image, on ARM64."
  }

  assert {
    condition     = alltrue([for task in values(aws_ecs_task_definition.service) : length(jsondecode(task.container_definitions)[0].healthCheck.command) > 2])
    error_message = "Every container has a health check."
  }

  assert {
    condition     = alltrue([for service in values(aws_ecs_service.this) : service.deployment_circuit_breaker[0].enable && service.deployment_circuit_breaker[0].rollback])
    error_message = "A release that does not get healthy is rolled back."
  }
}

run "gives_secrets_by_arn_and_values_by_name" {
  command = plan

  module {
    source = "./modules/services"
  }

  assert {
    condition     = { for secret in jsondecode(aws_ecs_task_definition.service["api"].container_definitions)[0].secrets : secret.name => secret.valueFrom } == { DATABASE_URL = "arn:secret:database-api", KEYS_ARN = "arn:keys-arn" }
    error_message = "Secrets and parameters stand in the task definition by ARN."
  }

  assert {
    condition     = { for variable in jsondecode(aws_ecs_task_definition.service["api"].container_definitions)[0].environment : variable.name => variable.value }["ALLOWED"] == "203.0.113.0/29,2001:db8::/48"
    error_message = "The IP set of this environment is handed on."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.migrations.container_definitions)[0].secrets[0].valueFrom == "arn:secret:owner:password::"
    error_message = "Only the migrations have the owner, whose password is in a secret."
  }
}

run "lets_a_service_do_what_the_plan_says_and_no_more" {
  command = plan

  module {
    source = "./modules/services"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.task["api"].statement : statement.sid => toset(statement.actions) } == {
      SignInTheApi    = toset(["rds-db:connect"])
      ReadAgain       = toset(["secretsmanager:GetSecretValue"])
      Decrypt         = toset(["kms:Decrypt"])
      UserPoolMembers = toset(["cognito-idp:AdminGetUser"])
    }
    error_message = "The API signs in to the database, reads its keys again, and asks Cognito for one thing."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.task["api"].statement : tolist(statement.resources)[0] if statement.sid == "SignInTheApi"][0] == "arn:aws:rds-db:ap-northeast-1:111111111111:dbuser:db-1/the_api"
    error_message = "It signs in as its own role."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.task["worker"].statement : statement.sid => toset(statement.resources) } == {
      SignInWorker    = toset(["arn:aws:rds-db:ap-northeast-1:111111111111:dbuser:db-1/worker"])
      Consume         = toset(["arn:queue:jobs"])
      Protect         = toset(["arn:aws:ecs:ap-northeast-1:111111111111:task/tatemono-test/*"])
      Send            = toset(["arn:queue:mail"])
      ObjectsPictures = toset(["arn:aws:s3:::pictures/*"])
      BucketPictures  = toset(["arn:aws:s3:::pictures"])
      Mail            = toset(["arn:identity", "arn:configuration"])
      MailQuota       = toset(["*"])
    }
    error_message = "The worker consumes its queue, and sends to the other."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.task["worker"].statement : statement.sid => toset(statement.actions) if contains(["ObjectsPictures", "BucketPictures", "Mail", "MailQuota"], statement.sid) } == {
      ObjectsPictures = toset(["s3:PutObject", "s3:AbortMultipartUpload"])
      BucketPictures  = toset(["s3:ListBucket", "s3:ListBucketMultipartUploads"])
      Mail            = toset(["ses:SendEmail"])
      MailQuota       = toset(["ses:GetAccount"])
    }
    error_message = "What the plan says of a bucket is allowed on the bucket or on what is in it, each where IAM looks for it."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.task["keeper"].statement : statement.sid => { actions = toset(statement.actions), resources = toset(statement.resources) } if statement.sid != "SignInWorker" } == {
      DeadLetters = {
        actions   = toset(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"])
        resources = toset(["arn:queue:jobs-dead"])
      }
      Send               = { actions = toset(["sqs:SendMessage", "sqs:GetQueueAttributes"]), resources = toset(["arn:queue:jobs"]) }
      IdentityPoolGuests = { actions = toset(["cognito-identity:ListIdentities"]), resources = toset(["arn:pool:guests"]) }
      Identities         = { actions = toset(["cognito-identity:DeleteIdentities"]), resources = toset(["*"]) }
    }
    error_message = "A service that moves dead letters receives them from the queues that it knows, and sends them again."
  }

  assert {
    condition = toset(flatten([for document in values(data.aws_iam_policy_document.task) : [for statement in document.statement : tolist(statement.actions) if contains(statement.resources, "*")]])) == toset([
      "ses:GetAccount", "cognito-identity:DeleteIdentities",
    ])
    error_message = "No service may do something to everything, but for the two actions that AWS narrows in no way."
  }
}

run "scales_by_what_there_is_to_do" {
  command = plan

  module {
    source = "./modules/services"
  }

  assert {
    condition     = keys(aws_appautoscaling_policy.requests) == ["api"] && keys(aws_appautoscaling_policy.backlog) == ["worker"] && keys(aws_appautoscaling_policy.cpu) == ["api", "keeper"]
    error_message = "Http services scale by requests and CPU, consumers by their backlog."
  }

  assert {
    condition     = aws_appautoscaling_target.this["worker"].min_capacity == 0 && aws_appautoscaling_target.this["worker"].max_capacity == 50
    error_message = "Down to the minimum of the plan, up to its maximum."
  }

  assert {
    condition     = strcontains([for metric in aws_appautoscaling_policy.backlog["worker"].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics : metric.expression if metric.id == "backlog"][0], "(waiting0 + working0)")
    error_message = "What waits and what is being worked on, for each task."
  }
}

run "takes_spare_capacity_for_background_work_alone" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    spot_percent = 100
  }

  assert {
    condition     = one(aws_ecs_service.this["worker"].capacity_provider_strategy).capacity_provider == "FARGATE_SPOT" && one(aws_ecs_service.this["api"].capacity_provider_strategy).capacity_provider == "FARGATE"
    error_message = "Http services never run on spare capacity."
  }
}

run "refuses_spare_capacity_in_prod" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    environment  = "prod"
    spot_percent = 50
  }

  expect_failures = [var.spot_percent]
}

run "refuses_a_tag_for_an_image" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    image = "tatemono:latest"
  }

  expect_failures = [var.image]
}

run "refuses_root" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    user = "0:0"
  }

  expect_failures = [var.user]
}

run "refuses_more_at_least_than_at_most" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    scaling_overrides = { api = { min = 3, max = 2 } }
  }

  expect_failures = [var.scaling_overrides]
}
