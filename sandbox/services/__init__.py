"""The services that the sandbox brings itself."""

from sandbox.service import Service

SERVICES: list[type[Service]] = []
