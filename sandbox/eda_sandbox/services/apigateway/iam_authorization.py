"""``AWS_IAM`` methods and resource policies: SigV4, and ``execute-api:Invoke`` on the method's ARN.

Credentials, users, roles and policies are the embedded IAM's; every signature is checked, the account root's
too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator, sigv4

from eda_sandbox.services.apigateway.gateway_responses import GatewayError

ACTION = "execute-api:Invoke"
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class SignedRequest:
    """The request as it was signed: the path undecoded, with everything in front of the stage."""

    method: str
    raw_path: str
    query: dict[str, list[str]]
    headers: list[tuple[str, str]]
    body: bytes
    source_ip: str


@dataclass(frozen=True)
class Identity:
    """Who signed; the fields of ``$context.identity``."""

    account_id: str
    access_key: str
    caller: str
    user: str
    user_arn: str
    principal: Any


def authenticate(request: SignedRequest, region: str, account: str) -> Identity:
    """Check a request's signature.

    Raises:
        GatewayError: there is none, it is malformed, too old, for another service, or wrong.
    """
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    query = request.query
    authorization = headers.get("authorization", "")
    presigned = not authorization and query.get("X-Amz-Algorithm", [""])[0] == ALGORITHM
    if not authorization and not presigned:
        raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
    if authorization and not authorization.startswith(f"{ALGORITHM} "):
        raise _incomplete("Authorization header requires the algorithm AWS4-HMAC-SHA256 and a signature.")
    parsed = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(parsed, tuple):
        raise _incomplete(parsed[1].split(" (Hashed with")[0])
    if (parsed.service, parsed.region) != ("execute-api", region):
        raise _wrong(
            f"Credential should be scoped to correct service and region: 'execute-api', '{region}'. "
            if parsed.service != "execute-api"
            else f"Credential should be scoped to a valid region, not '{parsed.region}'. "
        )
    if presigned:
        _check_presigned_time(parsed.amz_date, query)
    else:
        skewed = sigv4.request_time_failure(parsed)
        if skewed:
            raise _wrong(skewed[1])
    token = query.get("X-Amz-Security-Token", [""])[0] if presigned else headers.get("x-amz-security-token", "")
    credential = iam_evaluator.resolve_credential(parsed.access_key_id, account, token)
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        if credential.code == "ExpiredTokenException":
            raise GatewayError("EXPIRED_TOKEN")
        raise GatewayError(
            "INVALID_SIGNATURE",
            "The security token included in the request is invalid.",
            error_type="UnrecognizedClientException",
        )
    failure = sigv4.header_signature_failure(
        parsed,
        credential.secret_access_key,
        request.method,
        request.raw_path,
        query,
        headers,
        request.body,
        presigned=presigned,
    )
    if failure:
        raise _wrong(failure[1])
    principal = iam_evaluator.resolve_principal(parsed.access_key_id, account, credential)
    if isinstance(principal, iam_evaluator.AuthError):
        raise GatewayError("INVALID_SIGNATURE", principal.message, error_type="UnrecognizedClientException")
    return Identity(
        account_id=credential.account_id,
        access_key=credential.access_key_id,
        caller=credential.principal_id,
        user=credential.principal_id,
        user_arn=credential.principal_arn,
        principal=principal,
    )


def _check_presigned_time(amz_date: str, query: dict[str, list[str]]) -> None:
    try:
        expired = sigv4.presigned_request_is_expired(amz_date, query.get("X-Amz-Expires", ["0"])[0])
    except ValueError:
        expired = True
    if expired:
        raise _wrong("Signature expired")


def _incomplete(message: str) -> GatewayError:
    return GatewayError("INVALID_SIGNATURE", message, error_type="IncompleteSignatureException")


def _wrong(message: str) -> GatewayError:
    return GatewayError("INVALID_SIGNATURE", message)


def authorize(
    identity: Identity | None,
    resource_arn: str,
    policy: str | None,
    *,
    needs_identity_policy: bool,
    region: str,
    source_ip: str,
    keys: Iterable[tuple[str, Any]] = (),
) -> None:
    """Evaluate the caller's policies and the API's resource policy for a method.

    With ``needs_identity_policy`` (an ``AWS_IAM`` method) an Allow in either policy is enough within the
    account; otherwise a resource policy, when there is one, has to allow the request by itself.

    Raises:
        GatewayError: the request is denied.
    """
    principal = identity.principal if identity else None
    context = iam_evaluator.EvalContext(
        principal_arn=identity.user_arn if identity else "anonymous",
        principal_type=principal.type if principal else "Anonymous",
        principal_account=identity.account_id if identity else "",
        action=ACTION,
        resource_arn=resource_arn,
        region=region,
        source_ip=source_ip,
        service_context={key.lower(): value for key, value in keys},
        principal_keys=principal.keys if principal else {},
    )
    resource = iam_evaluator.evaluate_resource_policy(_expanded(policy, resource_arn), context) if policy else None
    if resource is not None and resource.decision == "Deny":
        raise _denied(context.principal_arn, resource_arn, " with an explicit deny")
    if not needs_identity_policy:
        if resource is not None and resource.decision != "Allow":
            raise _denied(context.principal_arn, resource_arn, "")
        return
    if principal is None or principal.policies is None:
        return
    result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    if result.decision == "Deny":
        raise _denied(context.principal_arn, resource_arn, " with an explicit deny")
    if result.decision != "Allow" and (resource is None or resource.decision != "Allow"):
        raise _denied(context.principal_arn, resource_arn, "")


def _expanded(policy: str, resource_arn: str) -> str:
    """A policy with the short resource names of API Gateway (``execute-api:/stage/GET/*``) written out."""
    prefix = ":".join(resource_arn.split(":")[:5])
    api = resource_arn.split(":", 5)[5].split("/", 1)[0]
    return policy.replace('"execute-api:/', f'"{prefix}:{api}/')


def _denied(who: str, resource_arn: str, why: str) -> GatewayError:
    parts = resource_arn.split(":", 5)
    parts[4] = "********" + parts[4][-4:]
    message = f"User: {who} is not authorized to perform: {ACTION} on resource: {':'.join(parts)}{why}"
    return GatewayError("ACCESS_DENIED", message)
