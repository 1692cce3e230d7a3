"""Lets callers of a REST API in by a token of an OpenID Connect issuer, as HTTP APIs' own JWT authorisers do.

In: API Gateway's question of the type TOKEN. Out: the principal, issuer and subject; a policy for the whole stage,
since API Gateway uses an answer again for all routes; and the token's claims that are texts, numbers or booleans. What
is refused is denied by the policy, and the API answers that with 401: an error of the function would be 401 too, and
raise the alarm of the function whenever a token expires.

Environment:
    ISSUER: the tokens' ``iss``.
    AUDIENCE: JSON, a list of the ``aud`` that are taken.
    JWKS_URI: where the issuer's keys are; unset: where it says itself.
"""

import json
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from eda_runtime import settings
from eda_runtime.jwt import InvalidToken, Issuer
from eda_runtime.logger import logger

_issuer = Issuer(settings.text("ISSUER"), json.loads(settings.text("AUDIENCE")), os.environ.get("JWKS_URI") or None)

_OF_THE_GATEWAY = frozenset({"claims", "integrationLatency", "principalId"})
"""Members that the gateway itself has beside the context: no claim may take their place."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Verify the token."""
    token = re.sub(r"^Bearer +", "", event["authorizationToken"].strip(), flags=re.IGNORECASE)
    try:
        claims = _issuer.claims(token)
    except InvalidToken as refused:
        logger.info("refused", reason=str(refused))
        return _answer(event, "Deny", "unauthorized", {})
    # Escaped, so that no issuer and subject read like two others.
    principal = f"{quote(str(claims['iss']), safe=':/')}#{quote(claims['sub'], safe='')}"
    return _answer(event, "Allow", principal, claims)


def _answer(event: dict[str, Any], effect: str, principal: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    stage = "/".join(event["methodArn"].split("/", 2)[:2])
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": f"{stage}/*"}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {
            name: value
            for name, value in claims.items()
            if isinstance(value, str | int | float) and name not in _OF_THE_GATEWAY
        },
    }
