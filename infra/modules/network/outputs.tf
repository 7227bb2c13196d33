output "vpc_id" {
  description = "The building itself."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Ids of the subnets by floor: public, private, isolated."
  value = {
    for floor in keys(local.floors) : floor => [
      for key, subnet in local.subnets : aws_subnet.this[key].id if subnet.floor == floor
    ]
  }
}

output "security_group_ids" {
  description = "Ids of the security groups: load-balancer, services, database, functions, bastion, endpoints."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

output "nat_addresses" {
  description = "Addresses that the building is seen with from outside."
  value       = [for address in aws_eip.nat : address.public_ip]
}
