"""The Redshift Data API: SQL by HTTP, asynchronous, with events."""

from sandbox.services.redshift_data.service import RedshiftData

__all__ = ["RedshiftData"]
