variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "queues" {
  description = "The plan's queues; each gets a dead-letter queue <name>-dead."
  type = map(object({
    visibility_timeout_seconds = number
    retention_seconds          = number
    receive_wait_seconds       = number
    max_receive_count          = number
  }))

  validation {
    condition     = alltrue([for queue in values(var.queues) : queue.retention_seconds > queue.visibility_timeout_seconds * queue.max_receive_count])
    error_message = "A queue must keep a message longer than all its attempts take (visibility timeout x receive count), or it is lost before it is dead."
  }
}

variable "topics" {
  description = "SNS topics that write into a queue, by queue: the events of mail."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for queue in keys(var.topics) : contains(keys(var.queues), queue)])
    error_message = "topics names a queue that the plan does not have."
  }
}
