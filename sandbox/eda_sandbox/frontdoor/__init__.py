"""What lets a request in: the one port, the wire formats, who may do what, and the faults that are put in between."""
