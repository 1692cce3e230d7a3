"""Tables whose changes flow on: the Pipe and the form of its records."""
