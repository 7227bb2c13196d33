variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "subnet_id" {
  description = "A private subnet."
  type        = string
}

variable "security_group_id" {
  description = "The security group `bastion`."
  type        = string
}

variable "instance_type" {
  description = "Size of the machine, on Graviton (arm64)."
  type        = string
  default     = "t4g.nano"

  validation {
    condition     = can(regex("^[a-z]+[0-9]+g[a-z]*\\.", var.instance_type))
    error_message = "instance_type is a Graviton one, e.g. t4g.nano: the image is arm64."
  }
}

variable "stop_at" {
  description = "When the instance is stopped if it was left on, as an EventBridge schedule in Tokyo's time."
  type        = string
  default     = "cron(0 20 * * ? *)"

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.stop_at))
    error_message = "stop_at is cron(…) or rate(…)."
  }
}

variable "kms_key_arn" {
  description = "Key of the disk and of the sessions' log."
  type        = string
}

variable "log_retention_days" {
  description = "How long the logs of sessions are kept."
  type        = number
}
