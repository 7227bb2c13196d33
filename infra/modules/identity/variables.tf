variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "user_pools" {
  description = "The plan's user pools; src/tatemono_tools/plan/identity.py says what each field means."
  type = map(object({
    sign_up                 = string
    password_min_characters = number
    totp                    = string
    groups                  = optional(list(string), [])
    attributes              = optional(list(string), [])
    domain                  = optional(bool, false)
    post_confirmation       = optional(string)
    client = object({
      secret        = string
      flows         = list(string)
      callback_path = optional(string)
      sign_out_path = optional(string)
    })
  }))
}

variable "identity_pools" {
  description = "The plan's identity pools: identities of people who have no password."
  type        = map(object({ unauthenticated = bool }))
}

variable "functions" {
  description = "The plan's functions, which Cognito calls."
  type = map(object({
    handler         = string
    memory_mib      = number
    timeout_seconds = number
    secrets         = map(string)
  }))
}

variable "function_zip" {
  description = "Path of the zip that `tatemono lambda build` made for arm64."
  type        = string

  validation {
    condition     = fileexists(var.function_zip)
    error_message = "There is no such zip: make it with `./tatemono lambda build`."
  }
}

variable "public_url" {
  description = "Address of the environment, without a path."
  type        = string

  validation {
    condition     = can(regex("^https://[^/]+$", var.public_url))
    error_message = "public_url begins with https:// and has no path."
  }
}

variable "secrets" {
  description = "The plan's secrets: ARNs, and the database role of connection strings."
  type        = map(object({ arn = string, role = optional(string) }))
}

variable "database_resource_id" {
  description = "Id of the database for IAM, which a function signs in with."
  type        = string
}

variable "mail" {
  description = "Sender of the pools' mail, and the SES identity that sends it; none: Cognito's own address, 50 a day."
  type        = object({ sender = string, identity_arn = string, configuration_set = string })
  default     = null
}

variable "kms_key_arn" {
  description = "Key of the secrets and logs."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, for the functions."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group `functions`."
  type        = string
}

variable "deletion_protection" {
  description = "Whether Cognito refuses to delete the pools."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long the functions' logs are kept."
  type        = number
}
