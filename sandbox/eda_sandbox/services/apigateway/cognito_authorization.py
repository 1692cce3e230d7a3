"""``COGNITO_USER_POOLS`` authorizers: a user pool's JWT, its signature checked against the pool's JWKS."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eda_sandbox.services.apigateway.gateway_responses import GatewayError

# DigestInfo of SHA-256 in front of the digest, as PKCS #1 v1.5 signs it.
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")

FetchKeys = Callable[[str], list[dict[str, Any]]]


def authorize(
    header: str | None,
    provider_arns: Iterable[str],
    scopes: Iterable[str],
    fetch_keys: FetchKeys,
    now: float,
) -> dict[str, Any]:
    """Check the token in a request's header and give its claims as ``$context.authorizer.claims`` has them.

    Without scopes the method takes ID tokens, with scopes access tokens that hold one of them.

    Raises:
        GatewayError: there is no token, or it is not of one of the pools, not signed by it, or expired.
    """
    if not header:
        raise GatewayError("UNAUTHORIZED")
    token = re.sub(r"^Bearer\s+", "", header.strip(), flags=re.IGNORECASE)
    header_part, claims = _decode(token)
    pool = next((arn for arn in provider_arns if _issuer(arn) == claims.get("iss")), None)
    if pool is None or not verified(token, header_part, fetch_keys(pool.rsplit("/", 1)[-1])):
        raise GatewayError("UNAUTHORIZED")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now:
        raise GatewayError("UNAUTHORIZED", "The incoming token has expired")
    wanted = set(scopes)
    if wanted:
        if claims.get("token_use") != "access" or not wanted & set(str(claims.get("scope", "")).split()):
            raise GatewayError("UNAUTHORIZED")
    elif claims.get("token_use") != "id":
        raise GatewayError("UNAUTHORIZED")
    return {name: _claim(value) for name, value in claims.items()}


def _issuer(provider_arn: str) -> str:
    region, pool = provider_arn.split(":")[3], provider_arn.rsplit("/", 1)[-1]
    return f"https://cognito-idp.{region}.amazonaws.com/{pool}"


def _decode(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    parts = token.split(".")
    try:
        header, claims = (json.loads(_bytes(part)) for part in parts[:2])
    except (ValueError, binascii.Error) as error:
        raise GatewayError("UNAUTHORIZED") from error
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        raise GatewayError("UNAUTHORIZED")
    return header, claims


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(token: str, header: Mapping[str, Any], keys: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the keys signed a token with RS256."""
    if header.get("alg") != "RS256":
        return False
    signed, _, signature = token.rpartition(".")
    try:
        given = int.from_bytes(_bytes(signature), "big")
    except (ValueError, binascii.Error):
        return False
    digest = hashlib.sha256(signed.encode()).digest()
    for key in keys:
        if key.get("kid") != header.get("kid") or key.get("kty") != "RSA":
            continue
        modulus, exponent = (int.from_bytes(_bytes(key[name]), "big") for name in ("n", "e"))
        size = (modulus.bit_length() + 7) // 8
        info = _SHA256_PREFIX + digest
        expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
        if given < modulus and hmac.compare_digest(pow(given, exponent, modulus).to_bytes(size, "big"), expected):
            return True
    return False


def _claim(value: Any) -> Any:
    # API Gateway gives every claim as a string; a list is its items between commas.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return value if isinstance(value, str) else str(value) if not isinstance(value, dict) else json.dumps(value)
