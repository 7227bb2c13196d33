variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, a /16; each environment has its own, so that they could be joined one day."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "cidr is an IPv4 network with 16 bits, e.g. 10.10.0.0/16."
  }
}

variable "zone_count" {
  description = "How many availability zones the network is in."
  type        = number
  default     = 3

  validation {
    condition     = var.zone_count >= 2 && var.zone_count <= 4
    error_message = "zone_count is 2 to 4: a load balancer and a database need two, and the addresses are divided for four."
  }
}

variable "nat" {
  description = "NAT gateways: one per zone (a zone that fails takes only its own), or a single one (cheaper)."
  type        = string

  validation {
    condition     = contains(["per-zone", "single"], var.nat)
    error_message = "nat is per-zone or single."
  }
}

variable "service_ports" {
  description = "Ports that the http services listen on; the load balancer may connect to these and no other."
  type        = set(number)
}

variable "interface_endpoints" {
  description = "AWS services that are reached without the internet, by the last part of their endpoint's name."
  type        = set(string)
  default = [
    "ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "sqs", "kms", "sts",
  ]
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow logs."
  type        = string
}

variable "log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
}

variable "called_ports" {
  description = "Ports of services that other services call by name."
  type        = set(number)
  default     = []
}
