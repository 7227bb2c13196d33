# Sessions are logged, and each is encrypted with the environment's key on top of TLS.

resource "aws_cloudwatch_log_group" "sessions" {
  name              = "/${var.prefix}/sessions"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ssm_document" "shell" {
  name            = "${var.prefix}-shell"
  document_type   = "Session"
  document_format = "JSON"

  content = jsonencode({
    schemaVersion = "1.0"
    description   = "A shell on the bastion, logged"
    sessionType   = "Standard_Stream"
    inputs = {
      kmsKeyId                    = var.kms_key_arn
      cloudWatchLogGroupName      = aws_cloudwatch_log_group.sessions.name
      cloudWatchEncryptionEnabled = true
      cloudWatchStreamingEnabled  = true
      idleSessionTimeout          = "20"
      maxSessionDuration          = "240"
      runAsEnabled                = false
    }
  })
}
