"""What no source decides about AWS, asked of an account: ``python -m pipeline probe``."""
