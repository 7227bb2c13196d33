"""What the HTTP services share: serving, problems, limits, the OpenAPI document."""
