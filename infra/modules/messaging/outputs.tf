output "queues" {
  description = "The plan's queues: names (the dimension of their metrics), URLs and ARNs, and those of the dead letters."
  value = {
    for name in keys(var.queues) : name => {
      name      = aws_sqs_queue.this[name].name
      url       = aws_sqs_queue.this[name].url
      arn       = aws_sqs_queue.this[name].arn
      dead_name = aws_sqs_queue.dead[name].name
      dead_url  = aws_sqs_queue.dead[name].url
      dead_arn  = aws_sqs_queue.dead[name].arn
    }
  }
}
