variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "environment" {
  description = "dev, stg or prod; also the name of the environment in GitHub."
  type        = string
}

variable "plan_name" {
  description = "The plan's name, the middle part of /environment/plan/entry."
  type        = string
}

variable "github_repository" {
  description = "The repository whose workflow deploys, owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is owner/name, without wildcards."
  }
}

variable "github_branch" {
  description = "The one branch that is deployed from."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.github_branch))
    error_message = "github_branch is the name of one branch, without wildcards."
  }
}

variable "repository_arn" {
  description = "ARN of the registry's repository of the image."
  type        = string
}

variable "cluster" {
  description = "The ECS cluster, its services and the roles that their tasks assume."
  type        = object({ name = string, arn = string, services = list(string), role_arns = list(string) })
}

variable "function_arns" {
  description = "Lambda functions whose code a deploy replaces."
  type        = list(string)
}

variable "state_bucket_arn" {
  description = "Bucket of Terraform's state (bootstrap), for the role that looks for drift."
  type        = string
}

variable "state_key_arn" {
  description = "Key of the state (bootstrap)."
  type        = string
}

variable "origin_verify_secret_arn" {
  description = "The one secret that a plan reads."
  type        = string
}

variable "bastion" {
  description = "The bastion, and the session document of a shell on it."
  type        = object({ instance_arn = string, shell_document = string })
}

variable "owner_secret_arn" {
  description = "The database owner's password, for operators with a tunnel."
  type        = string
}

variable "queues" {
  description = "Queues and their dead-letter queues, whose messages operators may send back."
  type        = map(object({ arn = string, dead_arn = string }))
}

variable "kms_key_arn" {
  description = "Key of the environment."
  type        = string
}

variable "operator_hours" {
  description = "How long a session of an operator or engineer lasts at most."
  type        = number
  default     = 2

  validation {
    condition     = var.operator_hours >= 1 && var.operator_hours <= 8
    error_message = "operator_hours is 1 to 8: access is temporary."
  }
}
