"""Data Firehose: buffers records and delivers them to S3."""

from eda_sandbox.services.firehose.service import Firehose

__all__ = ["Firehose"]
