"""Conditions, checksums and limits of Amazon S3, where the emulator does otherwise."""
