"""The Redshift Data API: SQL by HTTP, asynchronous, with events."""

from eda_sandbox.services.redshift.data.service import RedshiftData

__all__ = ["RedshiftData"]
