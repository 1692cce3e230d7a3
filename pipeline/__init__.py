"""The reference pipeline: its configuration."""
