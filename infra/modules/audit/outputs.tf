output "trail_arn" {
  description = "ARN of the trail."
  value       = aws_cloudtrail.this.arn
}

output "trail_bucket" {
  description = "Bucket that the trail is locked in."
  value       = aws_s3_bucket.trail.id
}

output "detector_id" {
  description = "GuardDuty's detector."
  value       = aws_guardduty_detector.this.id
}
