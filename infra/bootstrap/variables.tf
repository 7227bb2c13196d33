variable "name" {
  description = "The plan's name."
  type        = string
  default     = "tatemono"
}

variable "region" {
  description = "The plan's region."
  type        = string
  default     = "ap-northeast-1"
}

variable "account_id" {
  description = "The account that is prepared. Terraform refuses to touch any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is twelve digits."
  }
}

variable "owner" {
  description = "The person to ask about the cost; the tag Owner."
  type        = string
}

variable "cost_center" {
  description = "The cost center that pays; the tag CostCenter."
  type        = string
}

variable "kept_images" {
  description = "How many images of past releases are kept: how far back a release can be rolled back."
  type        = number
  default     = 50

  validation {
    condition     = var.kept_images >= 10
    error_message = "kept_images is at least 10, or a rollback finds no image."
  }
}

variable "is_payer_account" {
  description = "Whether this is the payer account: only there can cost-allocation tags be turned on."
  type        = bool
  default     = false
}
