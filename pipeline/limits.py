"""Limits of AWS that the pipeline's tools check."""

UNRESERVED_MINIMUM = 100
"""Concurrent executions that Lambda keeps unreserved (PutFunctionConcurrency)."""
WAREHOUSES = 25
"""Redshift Serverless namespaces, and workgroups, of an account and region (Redshift documentation, quotas)."""
SUBNET_ZONES = 2
"""Availability zones of a workgroup's subnets without enhanced VPC routing; with it, and by older pages, three
(Redshift Serverless, considerations)."""
SUBNET_ADDRESSES = 3
"""Free addresses of each of its subnets without enhanced VPC routing (Redshift Serverless, considerations)."""
