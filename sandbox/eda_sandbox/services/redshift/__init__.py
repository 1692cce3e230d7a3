"""Redshift Serverless: namespaces with their databases, and workgroups that lead to them."""

from eda_sandbox.services.redshift.serverless import RedshiftServerless

__all__ = ["RedshiftServerless"]
