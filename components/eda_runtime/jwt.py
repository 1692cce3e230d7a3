"""Tokens (RFC 7519) of an OpenID Connect issuer, verified with the keys that it publishes (RFC 7517).

Taken are the signatures that HTTP APIs' own JWT authorisers take, RSASSA-PKCS1-v1_5 with SHA-2 (RFC 8017, 8.2.2). To
verify one is a power and a comparison, of nothing that is secret; so no package has to be compiled for it.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.request import HTTPRedirectHandler, build_opener

FETCH_SECONDS = 3
"""How long the issuer is waited for."""
MAX_BYTES = 262_144
"""Of what it publishes."""
KEYS_SECONDS = 3600
"""How long its keys are used again."""
AGAIN_SECONDS = 10
"""After which a token that names an unknown key makes them be fetched again: no client may make it oftener."""
MIN_BITS = 2048
"""Of a key (RFC 7518, 3.3)."""
# DigestInfo in front of the digest (RFC 8017, 9.2, note 1).
_DIGESTS = {
    "RS256": (hashlib.sha256, bytes.fromhex("3031300d060960864801650304020105000420")),
    "RS384": (hashlib.sha384, bytes.fromhex("3041300d060960864801650304020205000430")),
    "RS512": (hashlib.sha512, bytes.fromhex("3051300d060960864801650304020305000440")),
}


class InvalidToken(Exception):
    """The token is none that is taken; the message says why, and holds nothing of it."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def fetch_json(url: str) -> Mapping[str, Any]:
    """What a URL says, a JSON object.

    Raises:
        OSError: it does not answer, or leads elsewhere.
        ValueError: it is no ``https`` URL, or answers with something else, or with more than 256 KB.
    """
    if not url.startswith("https://"):
        raise ValueError("the URL is not https")
    with build_opener(_NoRedirects).open(url, timeout=FETCH_SECONDS) as answer:
        content = answer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"the answer is longer than {MAX_BYTES} bytes")
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object")
    return found


class Issuer:
    """Verifies tokens of one issuer, whose keys it keeps.

    Args:
        issuer: the tokens' ``iss``.
        audience: the tokens' ``aud``, or else their ``client_id``, is one of these.
        jwks_uri: where its keys are; default: what its ``.well-known/openid-configuration`` says.
        fetch: gets a URL's JSON.
        now: seconds since 1970.
    """

    def __init__(
        self,
        issuer: str,
        audience: Collection[str],
        jwks_uri: str | None = None,
        fetch: Callable[[str], Mapping[str, Any]] = fetch_json,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._jwks_uri = jwks_uri
        self._fetch = fetch
        self._now = now
        self._keys: dict[str, tuple[int, int]] = {}
        self._fetched = -float("inf")

    def claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that is valid.

        Raises:
            InvalidToken: it is malformed, signed otherwise, of another issuer or audience, or not valid now, or names
                nobody.
            OSError: the issuer does not answer.
            ValueError: the issuer publishes no keys.
        """
        parts = token.split(".")
        if len(parts) != 3:
            raise InvalidToken("it has not three parts")
        head, claims = (_object(part) for part in parts[:2])
        self._check_signature(head, f"{parts[0]}.{parts[1]}".encode("utf-8", "replace"), _decoded(parts[2]))
        self._check_claims(claims)
        return claims

    def _check_signature(self, head: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
        algorithm, key_id = head.get("alg"), head.get("kid")
        if not isinstance(algorithm, str) or algorithm not in _DIGESTS or "crit" in head:
            raise InvalidToken("its signature is of a kind that is not taken")
        if not isinstance(key_id, str):
            raise InvalidToken("it does not name its key")
        modulus, exponent = self._key(key_id)
        hasher, info = _DIGESTS[algorithm]
        size = (modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        tail = info + hasher(signed).digest()
        expected = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
        if len(signature) != size or number >= modulus:
            raise InvalidToken("its signature is wrong")
        if not hmac.compare_digest(pow(number, exponent, modulus).to_bytes(size, "big"), expected):
            raise InvalidToken("its signature is wrong")

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        now = self._now()
        if claims.get("iss") != self._issuer:
            raise InvalidToken("it is of another issuer")
        given = claims.get("aud", claims.get("client_id"))
        if not self._audience & {
            one for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)
        }:
            raise InvalidToken("it is for another audience")
        if not _is_number(claims.get("exp")) or claims["exp"] <= now:
            raise InvalidToken("it has expired, or does not say when it does")
        if "nbf" in claims and not (_is_number(claims["nbf"]) and claims["nbf"] <= now):
            raise InvalidToken("it is not valid yet")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise InvalidToken("it names no subject")

    def _key(self, key_id: str) -> tuple[int, int]:
        age = self._now() - self._fetched
        if age > KEYS_SECONDS or (key_id not in self._keys and age > AGAIN_SECONDS):
            self._keys = self._published()
            self._fetched = self._now()
        if key_id not in self._keys:
            raise InvalidToken("the issuer has no such key")
        return self._keys[key_id]

    def _published(self) -> dict[str, tuple[int, int]]:
        if self._jwks_uri is None:
            # Without a slash more (OpenID Connect Discovery, 4.1).
            told = self._fetch(f"{self._issuer.removesuffix('/')}/.well-known/openid-configuration")
            if told.get("issuer") != self._issuer or not isinstance(told.get("jwks_uri"), str):
                raise ValueError("the issuer's configuration is of another issuer, or names no keys")
            self._jwks_uri = told["jwks_uri"]
        keys: dict[str, tuple[int, int]] = {}
        for key in self._fetch(self._jwks_uri).get("keys", ()):
            if key.get("kty") != "RSA" or not isinstance(key.get("kid"), str) or key.get("use", "sig") != "sig":
                continue
            modulus, exponent = (int.from_bytes(_decoded(str(key.get(name, ""))), "big") for name in ("n", "e"))
            if modulus.bit_length() >= MIN_BITS and exponent > 1:
                keys[key["kid"]] = modulus, exponent
        return keys


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidToken("it is not in base64url") from None


def _object(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        raise InvalidToken("it is no JSON") from None
    if not isinstance(found, dict):
        raise InvalidToken("it is no JSON object")
    return found
