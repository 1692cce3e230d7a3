"""Redshift's SQL: sessions of a database, which is DuckDB behind users, locks and privileges."""
