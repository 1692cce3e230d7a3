"""Binary media types: which bodies are bytes, and the conversions that ``contentHandling`` asks for."""

import base64
import binascii
from collections.abc import Iterable

from eda_sandbox.services.apigateway.gateway_responses import GatewayError


def is_binary(media_types: Iterable[str], header: str | None) -> bool:
    """Whether a Content-Type or Accept value is one of an API's binary media types."""
    value = (header or "").split(";")[0].strip().lower()
    for pattern in media_types:
        wanted = pattern.lower()
        if wanted == "*/*" or (wanted == value and "*" not in wanted):
            return True
        if wanted.endswith("/*") and value.startswith(wanted[:-1]):
            return True
    return False


def converted(body: bytes, handling: str | None, *, binary: bool) -> bytes:
    """Apply CONVERT_TO_TEXT (base64 out of bytes) or CONVERT_TO_BINARY (bytes out of base64).

    Raises:
        GatewayError: the body is no base64.
    """
    if handling == "CONVERT_TO_TEXT" and binary:
        return base64.b64encode(body)
    if handling == "CONVERT_TO_BINARY" and not binary:
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise GatewayError("API_CONFIGURATION_ERROR", detail="CONVERT_TO_BINARY: body is no base64") from error
    return body
