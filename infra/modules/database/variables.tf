variable "prefix" {
  description = "What the names of everything begin with: plan and environment, e.g. tatemono-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.prefix))
    error_message = "prefix is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter: longer ones do not fit into the names of load balancers."
  }
}

variable "engine_version" {
  description = "PostgreSQL's major version, from the plan."
  type        = string

  validation {
    condition     = can(regex("^1[6-9](\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version is a version of PostgreSQL from 16 to 19, e.g. 18."
  }
}

variable "name" {
  description = "The database's name, from the plan."
  type        = string
}

variable "subnet_ids" {
  description = "Isolated subnets, at least two."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A database wants subnets in at least two zones."
  }
}

variable "security_group_id" {
  description = "The security group `database`."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the data, the backups, the master password and Performance Insights."
  type        = string
}

variable "instance_class" {
  description = "Size of the machine; Graviton (…g) is cheaper for the same work."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class begins with db., e.g. db.t4g.medium."
  }
}

variable "storage_gib" {
  description = "Storage at first, and at most: it grows by itself in between."
  type        = object({ first = number, most = number })

  validation {
    condition     = var.storage_gib.first >= 20 && var.storage_gib.most > var.storage_gib.first
    error_message = "storage_gib.first is at least 20, and storage_gib.most is more."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over within a minute or two."
  type        = bool
}

variable "replica_count" {
  description = "Read replicas. Reports may use them; the services do not."
  type        = number
  default     = 0

  validation {
    condition     = var.replica_count >= 0 && var.replica_count <= 5
    error_message = "replica_count is 0 to 5."
  }
}

variable "backup_retention_days" {
  description = "For how many days back the database can be restored to any second."
  type        = number

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days is 1 to 35; 0 would turn off restoring to a point in time."
  }
}

variable "insights_retention_days" {
  description = "How long Performance Insights remembers: 7 days are free."
  type        = number
  default     = 7

  validation {
    condition     = var.insights_retention_days == 7 || var.insights_retention_days == 731 || var.insights_retention_days % 31 == 0
    error_message = "insights_retention_days is 7, a multiple of 31, or 731."
  }
}

variable "deletion_protection" {
  description = "Whether RDS refuses to delete the database."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long the database's log is kept."
  type        = number
}
