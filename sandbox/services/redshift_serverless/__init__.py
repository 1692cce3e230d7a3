"""Redshift Serverless: namespaces with their databases, and workgroups that lead to them."""

from sandbox.services.redshift_serverless.service import RedshiftServerless

__all__ = ["RedshiftServerless"]
