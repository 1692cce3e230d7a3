"""Kinesis streams, split, merged and checked as AWS does it."""
