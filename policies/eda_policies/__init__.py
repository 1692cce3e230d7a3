"""The policy pack: memory, timeout, tracing and the rest of good practice, checked before anything is deployed."""
