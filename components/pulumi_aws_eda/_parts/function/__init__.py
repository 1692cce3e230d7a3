"""Functions: idempotency and the store of big payloads."""
