"""API Gateway, REST APIs."""

from eda_sandbox.services.apigateway.service import ApiGateway

__all__ = ["ApiGateway"]
