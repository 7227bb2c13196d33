"""Amazon Cognito: the members' pool, the operators' pool, the guests' identity pool."""
