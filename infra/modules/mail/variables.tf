variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}
