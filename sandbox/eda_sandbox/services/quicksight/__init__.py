"""QuickSight: data sources and data sets, and their SPICE ingestions."""

from eda_sandbox.services.quicksight.service import QuickSight

__all__ = ["QuickSight"]
