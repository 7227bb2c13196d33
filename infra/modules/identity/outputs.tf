output "user_pools" {
  description = "The user pools: id, ARN, client, where their tokens say they are from, their keys, their sign-in pages."
  value = {
    for name, pool in aws_cognito_user_pool.this : name => {
      id         = pool.id
      arn        = pool.arn
      client_id  = aws_cognito_user_pool_client.this[name].id
      issuer     = "https://cognito-idp.${data.aws_region.current.name}.amazonaws.com/${pool.id}"
      jwks_url   = "https://cognito-idp.${data.aws_region.current.name}.amazonaws.com/${pool.id}/.well-known/jwks.json"
      domain_url = try("https://${aws_cognito_user_pool_domain.this[name].domain}.auth.${data.aws_region.current.name}.amazoncognito.com", null)
    }
  }
}

output "identity_pools" {
  description = "The identity pools: id and ARN."
  value       = { for name, pool in aws_cognito_identity_pool.this : name => { id = pool.id, arn = pool.arn } }
}

output "function_names" {
  description = "Names of the functions in Lambda, the dimension of their metrics."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "function_arns" {
  description = "ARNs of the functions."
  value       = { for name, function in aws_lambda_function.this : name => function.arn }
}
