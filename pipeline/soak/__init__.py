"""``python -m pipeline soak``: orders while everything fails, then what is documented against that, then the count."""
