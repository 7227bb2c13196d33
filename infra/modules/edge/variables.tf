variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "domain_name" {
  description = "Domain name of the environment, which CloudFront answers."
  type        = string
}

variable "hosted_zone_id" {
  description = "The Route 53 zone that domain_name is in."
  type        = string
}

variable "edge" {
  description = "The plan's section `edge`; src/tatemono_tools/plan/edge.py says what each field means."
  type = object({
    origin_verify_header    = string
    max_body_bytes          = number
    event_streams           = object({ heartbeat_seconds = number, read_timeout_seconds = number })
    content_security_policy = map(string)
    rate_limit              = object({ requests = number, window_seconds = number, status = number })
    rate_limits = list(object({
      path_prefix    = string
      requests       = number
      window_seconds = number
      status         = number
    }))
    behaviors = list(object({
      path_prefix            = string
      kind                   = string
      viewer_protocol_policy = string
      service                = optional(string)
      bucket                 = optional(string)
      ip_set                 = optional(string)
    }))
  })

  validation {
    condition     = contains([for behavior in var.edge.behaviors : behavior.path_prefix], "/")
    error_message = "One of the behaviors has the path_prefix /, the default."
  }

  validation {
    condition     = var.edge.max_body_bytes <= 65536
    error_message = "The firewall looks at 65536 bytes of a body at most: max_body_bytes cannot be more."
  }
}

variable "services" {
  description = "The plan's http services: port, health path, and how long a task has to finish."
  type        = map(object({ port = number, health_path = string, stop_timeout_seconds = number }))
}

variable "buckets" {
  description = "The plan's buckets: what the module storage gives."
  type        = map(object({ domain_name = string }))
}

variable "logs_bucket" {
  description = "Where access logs go."
  type        = object({ name = string, arn = string })
}

variable "vpc_id" {
  description = "The VPC of the target groups."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets by tier; the load balancer is in public, or in private."
  type        = object({ public = list(string), private = list(string) })
}

variable "security_group_id" {
  description = "The security group `load-balancer`."
  type        = string
}

variable "private_load_balancer" {
  description = "Whether the load balancer has no public address, and CloudFront reaches it through a VPC origin."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancer."
  type        = bool
  default     = true
}

variable "origin_verify_secret_arn" {
  description = "Secret with the values of the origin-verify header: CloudFront sends the first, all are accepted."
  type        = string
}

variable "picture_url_public_keys" {
  description = "Public keys (PEM) that check picture URLs, by name; two while they are changed."
  type        = map(string)

  validation {
    condition     = length(var.picture_url_public_keys) >= 1 && length(var.picture_url_public_keys) <= 5
    error_message = "There are 1 to 5 public keys: CloudFront takes no more in a group, and with none all pictures were public."
  }

  validation {
    condition     = alltrue([for key in values(var.picture_url_public_keys) : startswith(trimspace(key), "-----BEGIN PUBLIC KEY-----")])
    error_message = "Each key is the PEM of a public key; the private half belongs into the secret picture-url-key."
  }
}

variable "ip_sets" {
  description = "Networks of this environment's IP sets, IPv4 and IPv6."
  type        = map(list(string))
}

variable "counted_rules" {
  description = "Names of firewall rules that count instead of blocking."
  type        = set(string)
  default     = []
}

variable "log_retention_days" {
  description = "How long the firewall's log is kept."
  type        = number
}
