"""Amazon Redshift Serverless: namespaces, workgroups and their SQL (``sql``), and the Data API (``data``)."""

from eda_sandbox.services.redshift.data.service import RedshiftData
from eda_sandbox.services.redshift.serverless import RedshiftServerless

__all__ = ["RedshiftData", "RedshiftServerless"]
