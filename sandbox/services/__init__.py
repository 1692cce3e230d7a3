"""The services that the sandbox brings itself."""

from sandbox.service import Service
from sandbox.services.apigateway import ApiGateway

SERVICES: list[type[Service]] = [ApiGateway]
