"""AWS X-Ray's groups and sampling rules."""

from sandbox.services.xray.service import XRay

__all__ = ["XRay"]
