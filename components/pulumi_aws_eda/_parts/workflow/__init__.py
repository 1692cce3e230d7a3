"""CallbackWorkflow: the definition of its state machine."""
