"""The Redshift Data API: SQL by HTTP, asynchronous, with events."""
