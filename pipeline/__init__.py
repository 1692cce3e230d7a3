"""The reference pipeline: its configuration, what operates it, and what shows and proves it in the embedded AWS."""

from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "__main__.py"
"""The Pulumi program."""
