"""What Glue gives a Python shell job beside its own packages."""
