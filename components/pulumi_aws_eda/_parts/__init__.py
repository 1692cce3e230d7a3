"""What components are made of, by what it serves."""
