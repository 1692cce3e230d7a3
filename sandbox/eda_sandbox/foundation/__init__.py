"""What services stand on: clients of each other, time, errors, streams, event patterns, retries."""
