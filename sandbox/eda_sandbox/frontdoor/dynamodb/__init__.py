"""DynamoDB's expressions and parameters, read as AWS reads them."""
