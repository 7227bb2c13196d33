variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "runbooks_url" {
  description = "Where the runbooks are, so that each alarm can link to its own."
  type        = string

  validation {
    condition     = can(regex("^https://.+[^/]$", var.runbooks_url))
    error_message = "runbooks_url begins with https:// and does not end with a slash."
  }
}

variable "cluster_name" {
  description = "The ECS cluster."
  type        = string
}

variable "services" {
  description = "The plan's services by name: the ECS service, its log, and whether it calls the painter."
  type        = map(object({ name = string, paints = bool, log_group = string }))
}

variable "load_balancer_arn_suffix" {
  description = "The load balancer, as its metrics call it."
  type        = string
}

variable "target_groups" {
  description = "Target group of each http service, as its metrics call it."
  type        = map(object({ arn_suffix = string }))
}

variable "queues" {
  description = "The plan's queues: names of each and of its dead-letter queue."
  type        = map(object({ name = string, dead_name = string }))
}

variable "database" {
  description = "The database, its copies, and how many connections and how much storage are normal at most."
  type = object({
    identifier          = string
    replica_identifiers = list(string)
    most_connections    = number
    least_free_gib      = number
  })
}

variable "function_names" {
  description = "Lambda functions, as their metrics call them."
  type        = map(string)
}

variable "distribution_id" {
  description = "The CloudFront distribution."
  type        = string
}

variable "certificate_arns" {
  description = "CloudFront's certificate (us-east-1) and the load balancer's."
  type        = object({ distribution = string, origin = string })
}

variable "oldest_message_seconds" {
  description = "How long a message may wait before it alarms."
  type        = number
  default     = 300
}

variable "p95_seconds" {
  description = "So long 95 of 100 requests may take. Streams count as well: their answers begin at once."
  type        = number
  default     = 1.5
}

variable "painter" {
  description = "Failures of jobs in five minutes that are too many, what a picture costs, and the most per hour, in USD."
  type        = object({ failures = number, picture_usd = number, most_usd_per_hour = number })

  validation {
    condition     = var.painter.failures >= 1 && var.painter.picture_usd > 0 && var.painter.most_usd_per_hour > 0
    error_message = "painter: failures is at least 1, and the prices are more than 0."
  }
}

variable "slack" {
  description = "Workspace and channel in Slack that alarms go to, by Amazon Q (Chatbot); none: alarms do not go to Slack."
  type        = object({ team_id = string, channel_id = string })
  default     = null

  validation {
    condition     = var.slack == null || can(regex("^T[A-Z0-9]+$", var.slack.team_id)) && can(regex("^[CG][A-Z0-9]+$", var.slack.channel_id))
    error_message = "slack.team_id begins with T, slack.channel_id with C or G, as Slack shows them."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts alarms on their way."
  type        = string
}
