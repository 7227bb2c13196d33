variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "environment" {
  description = "dev, stg or prod."
  type        = string
}

variable "services" {
  description = "The plan's services; src/tatemono_tools/plan/building.py says what each field means."
  type = map(object({
    kind                 = string
    command              = list(string)
    port                 = optional(number)
    health_path          = optional(string)
    size                 = object({ cpu = number, memory_mib = number })
    scaling              = object({ min = number, max = number, backlog_per_task = optional(number) })
    stop_timeout_seconds = number
    consumes             = optional(list(string), [])
    protects_tasks       = optional(bool, false)
    moves_dead_letters   = optional(bool, false)
    sends_mail           = optional(bool, false)
    buckets              = optional(map(list(string)), {})
    user_pools           = optional(map(list(string)), {})
    identity_pools       = optional(map(list(string)), {})
    environment = map(object({
      value     = optional(string)
      parameter = optional(string)
      secret    = optional(string)
      ip_set    = optional(string)
      limits    = optional(bool)
    }))
  }))

  validation {
    condition     = alltrue([for service in values(var.services) : length(service.consumes) == 0 || service.scaling.backlog_per_task != null])
    error_message = "A service that consumes a queue scales on its backlog: give scaling.backlog_per_task."
  }
}

variable "scaling_overrides" {
  description = "Other numbers of tasks than the plan's, by service: all that environments may change about a service."
  type        = map(object({ min = number, max = number }))
  default     = {}

  validation {
    condition     = alltrue([for scaling in values(var.scaling_overrides) : scaling.min >= 0 && scaling.max >= scaling.min && scaling.max >= 1])
    error_message = "scaling_overrides: 0 <= min <= max, and max is at least 1."
  }
}

variable "image" {
  description = "The one image of all services, by digest: what was tested is what runs."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is repository@sha256:digest; a tag can be moved to another image."
  }
}

variable "repository_arn" {
  description = "The registry's repository that the image is pulled from."
  type        = string
}

variable "user" {
  description = "User and group of the processes, as numbers; never root."
  type        = string
  default     = "10001:10001"

  validation {
    condition     = can(regex("^[1-9][0-9]*:[1-9][0-9]*$", var.user))
    error_message = "user is uid:gid, and neither is 0."
  }
}

variable "limits" {
  description = "The plan's section `limits`, as JSON."
  type        = string
}

variable "ip_sets" {
  description = "Networks of this environment's IP sets."
  type        = map(list(string))
}

variable "secrets" {
  description = "The plan's secrets by name: ARN, and the database role of connection strings."
  type        = map(object({ arn = string, role = optional(string) }))
}

variable "parameter_arns" {
  description = "ARNs of the plan's parameters, by name."
  type        = map(string)
}

variable "queues" {
  description = "The plan's queues: what the module messaging gives."
  type        = map(object({ name = string, arn = string, dead_arn = string }))
}

variable "buckets" {
  description = "The plan's buckets: what the module storage gives."
  type        = map(object({ arn = string }))
}

variable "user_pool_arns" {
  description = "ARNs of the user pools, by name."
  type        = map(string)
}

variable "identity_pool_arns" {
  description = "ARNs of the identity pools, by name."
  type        = map(string)
}

variable "distribution_arn" {
  description = "The CloudFront distribution, for the service that invalidates pictures."
  type        = string
}

variable "mail_arns" {
  description = "The SES identity and configuration set that a service needs to send mail."
  type        = list(string)
}

variable "database" {
  description = "Address of the database, its id for IAM, its owner, and the roles of the plan."
  type = object({
    address          = string
    port             = number
    name             = string
    resource_id      = string
    owner            = string
    owner_secret_arn = string
    roles            = list(string)
  })
}

variable "kms_key_arn" {
  description = "Key of the secrets and logs."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group `services`."
  type        = string
}

variable "target_groups" {
  description = "The load balancer's target group of each http service: ARN, and the label of its metrics."
  type        = map(object({ arn = string, resource_label = string }))
}

variable "requests_per_task" {
  description = "Requests in a minute that one task of an http service is meant to answer."
  type        = number
  default     = 3000
}

variable "spot_percent" {
  description = "Share of the background tasks that run on spare capacity: cheaper, and AWS may take it back."
  type        = number
  default     = 0

  validation {
    condition     = var.spot_percent >= 0 && var.spot_percent <= 100
    error_message = "spot_percent is 0 to 100."
  }

  validation {
    condition     = var.environment != "prod" || var.spot_percent == 0
    error_message = "In prod nothing runs on spare capacity."
  }
}

variable "log_retention_days" {
  description = "How long the services' logs are kept."
  type        = number
}

variable "vpc_id" {
  description = "The VPC that services find each other in."
  type        = string
}

variable "called_services" {
  description = "Http services that other services call by name, inside the VPC."
  type        = set(string)
  default     = []
}
