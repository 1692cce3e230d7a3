"""AWS Glue: the Data Catalog, and Python shell jobs that really run."""

from eda_sandbox.services.glue.service import Glue

__all__ = ["Glue"]
