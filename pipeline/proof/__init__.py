"""Proves that every statement of every role is needed: takes each away once, and shows what then fails."""
