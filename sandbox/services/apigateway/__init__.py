"""API Gateway, REST APIs."""

from sandbox.services.apigateway.service import ApiGateway

__all__ = ["ApiGateway"]
