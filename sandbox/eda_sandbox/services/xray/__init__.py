"""AWS X-Ray: traces, groups and sampling rules."""

from eda_sandbox.services.xray.service import XRay

__all__ = ["XRay"]
