"""Turns the resources of a Pulumi program into calls to the embedded AWS."""
