"""Amazon Athena: SQL that really runs, over the files that the Data Catalog names."""

from eda_sandbox.services.athena.service import Athena

__all__ = ["Athena"]
