output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Ids of the subnets by tier: public, private, isolated."
  value = {
    for tier in keys(local.tiers) : tier => [
      for key, subnet in local.subnets : aws_subnet.this[key].id if subnet.tier == tier
    ]
  }
}

output "security_group_ids" {
  description = "Ids of the security groups: load-balancer, services, database, functions, bastion, endpoints."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

output "nat_addresses" {
  description = "Public addresses of the NAT gateways: outgoing connections come from them."
  value       = [for address in aws_eip.nat : address.public_ip]
}
