"""Limits of AWS that the pipeline's tools check."""

UNRESERVED_MINIMUM = 100
"""Concurrent executions that Lambda keeps unreserved (PutFunctionConcurrency)."""
