"""IAM's policies: what a document may hold, and what its statements say of a request."""
