"""What every function of the library runs on: entrypoint, settings, logging, envelope, HTTP answers, callbacks.

The package's modules are imported one by one, so that a function loads only what it uses.
"""
