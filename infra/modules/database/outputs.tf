output "identifier" {
  description = "Name of the database in RDS, the dimension of its metrics."
  value       = aws_db_instance.this.identifier
}

output "replica_identifiers" {
  description = "The same, of the read replicas."
  value       = aws_db_instance.replica[*].identifier
}

output "arn" {
  description = "ARN of the database."
  value       = aws_db_instance.this.arn
}

output "address" {
  description = "Host name."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Where PostgreSQL listens."
  value       = aws_db_instance.this.port
}

output "resource_id" {
  description = "Id of the database for IAM (rds-db:connect)."
  value       = aws_db_instance.this.resource_id
}

output "owner" {
  description = "The role that owns the schema; only the migrations use it."
  value       = aws_db_instance.this.username
}

output "owner_secret_arn" {
  description = "Secret with the owner's password; RDS rotates it every seven days."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
