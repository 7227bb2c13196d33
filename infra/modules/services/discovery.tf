# Services that other services call have a name inside: http://<service>.<prefix>.internal:<port>.

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = length(var.called_services) > 0 ? 1 : 0

  name        = "${var.prefix}.internal"
  description = "Names of services inside the VPC"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "this" {
  for_each = var.called_services

  name = each.key

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}
