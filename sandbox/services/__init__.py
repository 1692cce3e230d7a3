"""The services that the sandbox brings itself."""

from sandbox.service import Service
from sandbox.services.apigateway import ApiGateway
from sandbox.services.lambda_ import Lambda

SERVICES: list[type[Service]] = [ApiGateway, Lambda]
