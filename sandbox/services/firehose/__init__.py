"""Data Firehose: buffers records and delivers them to S3."""

from sandbox.services.firehose.service import Firehose

__all__ = ["Firehose"]
