variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "trail" {
  description = "How long the trail cannot be deleted, which principals may lift the lock (GOVERNANCE: root; COMPLIANCE: none), and whether it is one account's or the organization's."
  type = object({
    locked_days  = number
    mode         = optional(string, "GOVERNANCE")
    organization = optional(bool, false)
  })

  validation {
    condition     = var.trail.locked_days >= 1 && contains(["GOVERNANCE", "COMPLIANCE"], var.trail.mode)
    error_message = "trail.locked_days is at least 1, trail.mode is GOVERNANCE or COMPLIANCE."
  }
}

variable "data_bucket_arns" {
  description = "Buckets whose single objects are recorded as well: which principal changed or deleted which picture."
  type        = list(string)
}

variable "topic_arn" {
  description = "Topic that findings and budget alarms go to."
  type        = string
}

variable "alert_email" {
  description = "Address that budget alarms go to by mail, besides the topic."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alert_email))
    error_message = "alert_email is an address."
  }
}

variable "monthly_budget_usd" {
  description = "What the environment may cost in a month."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd is more than 0."
  }
}

variable "anomaly_usd" {
  description = "Unusual expense in USD that alarms at once."
  type        = number
  default     = 20
}

variable "environment" {
  description = "The tag Environment, by which the budget counts."
  type        = string
}
