variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "plan_name" {
  description = "The plan's name, the middle part of /environment/plan/entry."
  type        = string
}

variable "environment" {
  description = "dev, stg or prod: the first part of every secret's name."
  type        = string
}

variable "secrets" {
  description = "The plan's secrets: how the first value is made, and the database role of connection strings."
  type = map(object({
    generate = string
    role     = optional(string)
  }))
}

variable "recovery_window_days" {
  description = "How long a deleted secret can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_window_days == 0 || (var.recovery_window_days >= 7 && var.recovery_window_days <= 30)
    error_message = "recovery_window_days is 7 to 30, or 0 to delete at once."
  }
}

variable "database_urls" {
  description = "Connection strings by database role. They hold no password: services sign in with IAM (docs/adr/0027)."
  type        = map(string)
}
