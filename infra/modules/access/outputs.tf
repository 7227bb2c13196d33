output "deploy_role_arn" {
  description = "What GitHub's deploy workflow assumes."
  value       = aws_iam_role.deploy.arn
}

output "drift_role_arn" {
  description = "What GitHub's workflow that looks for drift assumes."
  value       = aws_iam_role.drift.arn
}

output "permission_set_arns" {
  description = "Permission sets: viewer, operator, engineer."
  value       = { for name, set in aws_ssoadmin_permission_set.this : name => set.arn }
}

output "group_ids" {
  description = "Groups in Identity Center: their members have the permission set."
  value       = { for name, group in aws_identitystore_group.this : name => group.group_id }
}

output "temporary_access" {
  description = "What ends temporary access: role and schedule group of the one-time schedules."
  value = {
    role_arn          = aws_iam_role.access_end.arn
    schedule_group    = aws_scheduler_schedule_group.temporary_access.name
    identity_store_id = local.identity_store_id
  }
}
