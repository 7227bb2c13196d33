variable "environment" {
  description = "Name of the environment: dev, stg or prod."
  type        = string

  validation {
    condition     = contains(["dev", "stg", "prod"], var.environment)
    error_message = "environment is dev, stg or prod."
  }
}

variable "account_id" {
  description = "The AWS account of this environment. Terraform refuses to touch any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is twelve digits."
  }
}

variable "owner" {
  description = "The person to ask about the cost; the tag Owner."
  type        = string
}

variable "cost_center" {
  description = "The cost center that pays; the tag CostCenter."
  type        = string
}

variable "domain_name" {
  description = "Domain name of the environment, e.g. dev.example.com. Its mail comes from the same domain."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name is a name in lower case without a scheme, e.g. dev.example.com."
  }
}

variable "hosted_zone_id" {
  description = "The Route 53 zone that domain_name is in."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]+$", var.hosted_zone_id))
    error_message = "hosted_zone_id begins with Z, as Route 53 shows it."
  }
}

variable "image" {
  description = "The one image of all services: repository@sha256:digest. The deploy workflow gives it."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the ECR repository that the image is in (bootstrap's output)."
  type        = string
}

variable "function_zip" {
  description = "What `tatemono lambda build` made, for arm64."
  type        = string
  default     = "../../dist/functions-arm64.zip"
}

variable "network" {
  description = "Addresses of the VPC, and its NAT gateways: nat is per-zone or single."
  type        = object({ cidr = string, nat = string })
}

variable "database" {
  description = "Size, backups and protection of the database."
  type = object({
    instance_class          = string
    storage_gib             = object({ first = number, most = number })
    multi_az                = bool
    replica_count           = optional(number, 0)
    most_connections        = number
    backup_retention_days   = number
    insights_retention_days = optional(number, 7)
    deletion_protection     = optional(bool, true)
  })

  validation {
    condition     = var.environment != "prod" || (var.database.multi_az && var.database.deletion_protection && var.database.backup_retention_days >= 14)
    error_message = "In prod the database has a standby, deletion protection, and backups of at least 14 days."
  }
}

variable "scaling_overrides" {
  description = "Other numbers of tasks than the plan's, by service."
  type        = map(object({ min = number, max = number }))
  default     = {}
}

variable "spot_percent" {
  description = "Share of the background tasks on spare capacity; 0 in prod."
  type        = number
}

variable "log_retention_days" {
  description = "How long logs are kept: one of the numbers that CloudWatch knows."
  type        = number

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "log_retention_days is 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096 or 1827."
  }
}

variable "ip_sets" {
  description = "The plan's IP sets as they are in this environment: CIDR networks, IPv4 and IPv6."
  type        = map(list(string))

  validation {
    condition     = alltrue([for cidr in flatten(values(var.ip_sets)) : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "Every entry of ip_sets is a network such as 203.0.113.7/32, and none is the whole internet."
  }
}

variable "counted_rules" {
  description = "Firewall rules that count and let through instead of blocking: for a safe start of each."
  type        = set(string)
  default     = []
}

variable "private_load_balancer" {
  description = "Whether the load balancer has no public address, and CloudFront reaches it through a VPC origin."
  type        = bool
  default     = false
}

variable "picture_url_public_keys" {
  description = "Public P-256 keys (PEM) that check picture URLs, by a name of your own; two while they are changed."
  type        = map(string)
}

variable "picture_url_signing_key" {
  description = "Name of the key in picture_url_public_keys whose private half signs: it is in the secret picture-url-key."
  type        = string

  validation {
    condition     = contains(keys(var.picture_url_public_keys), var.picture_url_signing_key)
    error_message = "picture_url_signing_key is the name of one of picture_url_public_keys."
  }
}

variable "github" {
  description = "The repository and the branch that this environment is deployed from."
  type        = object({ repository = string, branch = optional(string, "main") })
}

variable "state" {
  description = "The bucket and key of Terraform's state (bootstrap's outputs)."
  type        = object({ bucket_arn = string, key_arn = string })
}

variable "identity_center" {
  description = "Region of Identity Center, and the role that may administer it if that is another account's."
  type        = object({ region = string, role_arn = optional(string) })
}

variable "painter" {
  description = "Failed jobs in five minutes that are too many, what a picture costs, and the most per hour, in USD."
  type        = object({ failures = number, picture_usd = number, most_usd_per_hour = number })
}

variable "slack" {
  description = "Workspace and channel in Slack that alarms go to; none: they do not go to Slack."
  type        = object({ team_id = string, channel_id = string })
  default     = null
}

variable "trail" {
  description = "For how long the trail is locked, how, and whether it is the whole organization's."
  type = object({
    locked_days  = number
    mode         = optional(string, "GOVERNANCE")
    organization = optional(bool, false)
  })
}

variable "budget" {
  description = "What the environment may cost in a month, which unusual expense alarms at once, in USD, and the address that alarms go to."
  type        = object({ monthly_usd = number, anomaly_usd = number, email = string })
}
