"""One handler on each library, with the same features: what ``bench.idempotency`` compares.

Each is idempotent by a JMESPath of the event, compares the payload of repeats, writes one line about its event with the
correlation id, and one more, with a metric in it, about a repeat.
"""
