"""Alarms with their runbooks, the dashboard, and what is watched."""
