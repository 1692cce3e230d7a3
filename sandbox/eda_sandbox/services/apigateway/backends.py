"""How integrations reach functions, AWS services and HTTP servers: through the front door, as the role they name."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HttpTimeout

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.cloud import Cloud, service_model
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.apigateway.exchange import Exchange, Reply
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.integrations import Invoked
from eda_sandbox.services.apigateway.model import Integration
from eda_sandbox.services.apigateway.query_answers import as_json, speaks_query
from eda_sandbox.services.apigateway.transformation import BackendRequest

PRINCIPAL = "apigateway.amazonaws.com"
_MODELS = {"states": "stepfunctions"}


class FrontDoorBackends:
    """Calls everything through the sandbox's front door.

    Args:
        cloud: the embedded AWS.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._pool = urllib3.PoolManager(maxsize=128, retries=False)

    def invoke(
        self,
        function: str,
        payload: bytes,
        exchange: Exchange,
        role_arn: str | None,
        event: bool,
        timeout: float,
        source_arn: str | None = None,
    ) -> Invoked:
        """Invoke a function, as a role or by the function's own policy."""
        del timeout  # A function's own timeout ends the call; the gateway's is longer than any it may integrate.
        source = None if role_arn else source_arn or _method_arn(exchange)
        try:
            answer = self._cloud.client("lambda", role_arn, PRINCIPAL, source).invoke(
                FunctionName=function, InvocationType="Event" if event else "RequestResponse", Payload=payload
            )
            content = answer["Payload"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if code == "TooManyRequestsException":
                # The gateway answers 500 when Lambda throttles, not 429.
                raise GatewayError("DEFAULT_5XX", status=500, detail=f"Lambda: {code}") from error
            if status == 413:
                # Lambda takes 6 MB, the gateway 10.
                raise GatewayError("REQUEST_TOO_LARGE", detail=f"Lambda: {code}") from error
            if status in (403, 404):
                raise GatewayError("API_CONFIGURATION_ERROR", detail=f"Lambda: {code}") from error
            raise GatewayError("INTEGRATION_FAILURE", detail=f"Lambda: {code}") from error
        except AwsError as error:
            raise GatewayError("API_CONFIGURATION_ERROR", detail=error.message) from error
        except BotoCoreError as error:
            raise GatewayError("INTEGRATION_FAILURE", detail=f"Lambda: {error}") from error
        return Invoked(content, answer.get("FunctionError"))

    def aws(
        self, service: str, action: str | None, path: str, request: BackendRequest, integration: Integration
    ) -> Reply:
        """Call an AWS service's API, signed as the integration's role."""
        if not integration.credentials:
            raise GatewayError("API_CONFIGURATION_ERROR", detail="an AWS integration needs the role it calls as")
        headers = {name: ",".join(values) for name, values in request.headers.items()}
        if action is not None:
            headers = {**_action_headers(service, action), **headers}
        if not any(name.lower() == "accept" for name in headers):
            headers["Accept"] = "application/json"
        url = self._cloud.endpoint + path
        if request.query:
            pairs = [(name, value) for name, values in request.query.items() for value in values]
            url += "?" + urlencode(pairs)
        method = integration.http_method or "POST"
        signed = AWSRequest(method, url, data=request.body, headers=headers)
        try:
            credentials = self._cloud.credentials(integration.credentials, PRINCIPAL)
        except AwsError as error:
            raise GatewayError("API_CONFIGURATION_ERROR", detail=error.message) from error
        SigV4Auth(credentials, service, self._cloud.region).add_auth(signed)
        timeout = integration.timeout_in_millis / 1000
        reply = self._send(method, url, request.body, {**dict(signed.headers.items()), **_trace()}, timeout)
        accepted = next(value for name, value in headers.items() if name.lower() == "accept")
        if "json" not in accepted or not speaks_query(service) or not reply.body.lstrip().startswith(b"<"):
            return reply
        kept = [item for item in reply.headers if item[0].lower() not in ("content-type", "content-length")]
        return Reply(reply.status, [*kept, ("Content-Type", "application/json")], as_json(reply.body))

    def http(self, method: str, url: str, request: BackendRequest, timeout: float) -> Reply:
        """Call an HTTP endpoint."""
        headers = {name: ",".join(values) for name, values in request.headers.items()}
        return self._send(method, url, request.body, {**headers, **_trace()}, timeout)

    def _send(self, method: str, url: str, body: bytes, headers: dict[str, Any], timeout: float) -> Reply:
        try:
            answer = self._pool.request(method, url, body=body, headers=headers, timeout=timeout)
        except HttpTimeout as error:
            raise GatewayError("INTEGRATION_TIMEOUT", detail=str(error)) from error
        except HTTPError as error:
            raise GatewayError("INTEGRATION_FAILURE", detail=str(error)) from error
        return Reply(answer.status, list(answer.headers.items()), answer.data)


def _trace() -> dict[str, str]:
    header = tracing.current()
    return {} if header is None else {"X-Amzn-Trace-Id": header}


def _action_headers(service: str, action: str) -> dict[str, str]:
    metadata = service_model(_MODELS.get(service, service)).metadata
    if metadata["protocol"] != "json":
        return {"Content-Type": "application/x-www-form-urlencoded"}
    return {
        "Content-Type": f"application/x-amz-json-{metadata.get('jsonVersion', '1.1')}",
        "X-Amz-Target": f"{metadata['targetPrefix']}.{action}",
    }


def _method_arn(exchange: Exchange) -> str:
    """The method as ``aws:SourceArn`` names it: parameters of the path are ``*``."""
    path = re.sub(r"\{[^}]*\}", "*", exchange.route.resource.path) if exchange.route else "/*"
    method = exchange.route.method.http_method if exchange.route else exchange.http_method
    return (
        f"arn:aws:execute-api:{exchange.region}:{exchange.account}:{exchange.api.id}/"
        f"{exchange.stage.stage_name}/{'*' if method == 'ANY' else method}{path}"
    )


def user_pool_keys(cloud: Cloud, pool_id: str) -> list[dict[str, Any]]:
    """The public keys of a user pool, from where the pool publishes them."""
    url = f"{cloud.endpoint}/{pool_id}/.well-known/jwks.json"
    keys: list[dict[str, Any]] = json.loads(urllib3.request("GET", url, timeout=10, retries=False).data)["keys"]
    return keys
