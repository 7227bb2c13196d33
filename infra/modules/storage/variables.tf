variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "buckets" {
  description = "The plan's buckets. An object that is overwritten or deleted in a versioned one can be brought back; one with uploads takes forms of presigned POSTs; what is in one with only is read and written by that service alone."
  type        = map(object({ versioned = bool, uploads = optional(object({ max_bytes = number })), only = optional(string) }))
}

variable "page_origin" {
  description = "Origin of our pages: scheme and host. Their forms may be sent to the bucket of uploads."
  type        = string

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+$", var.page_origin))
    error_message = "page_origin is https:// and a host, nothing behind it."
  }
}

variable "log_retention_days" {
  description = "How long access logs are kept."
  type        = number
}

variable "deleted_version_days" {
  description = "How long a deleted or overwritten object of a versioned bucket can be brought back."
  type        = number
  default     = 30
}

variable "served_buckets" {
  description = "The plan's buckets that CloudFront serves from; it cannot read the others."
  type        = set(string)
}

variable "distribution_arns" {
  description = "CloudFront distributions that may read those buckets, by origin access control."
  type        = list(string)
}
