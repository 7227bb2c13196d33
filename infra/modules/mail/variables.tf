variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "domain_name" {
  description = "The domain that mail comes from."
  type        = string
}

variable "hosted_zone_id" {
  description = "The Route 53 zone that domain_name is in."
  type        = string
}

variable "sender_name" {
  description = "Name that people see as the sender."
  type        = string
}

variable "configuration_set" {
  description = "What the plan calls the configuration set that all mail goes through."
  type        = string
}

variable "events_queue" {
  description = "The plan's queue that gets the events of mail; the topic before it has its name."
  type        = string
}

variable "event_types" {
  description = "Events that SES publishes of each mail, from the plan."
  type        = set(string)
}

variable "dmarc_policy" {
  description = "What receivers shall do with mail that says it is from here and is not: none (report only), quarantine or reject."
  type        = string
  default     = "quarantine"

  validation {
    condition     = contains(["none", "quarantine", "reject"], var.dmarc_policy)
    error_message = "dmarc_policy is none, quarantine or reject."
  }
}

variable "dmarc_reports_to" {
  description = "Address that receivers send their reports to; none: they send none."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key that encrypts the events on their way."
  type        = string
}
