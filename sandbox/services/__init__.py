"""The services that the sandbox brings itself."""

from sandbox.service import Service
from sandbox.services.apigateway import ApiGateway
from sandbox.services.events import Events
from sandbox.services.lambda_ import Lambda
from sandbox.services.stepfunctions import StepFunctions

SERVICES: list[type[Service]] = [ApiGateway, Events, Lambda, StepFunctions]
