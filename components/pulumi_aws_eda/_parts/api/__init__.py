"""EventApi: its OpenAPI document, and the state machine that admits a request to a workflow."""
