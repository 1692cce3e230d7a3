"""Queries, loads and refreshes: what starts them and what they need."""
