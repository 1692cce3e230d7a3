"""The data plane: a request to a stage, from its path to its answer."""

import gzip
import logging
import re
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from eda_sandbox.foundation import tracing
from eda_sandbox.services.apigateway import (
    access_log,
    cognito_authorization,
    gateway_responses,
    iam_authorization,
    integrations,
    request_validation,
    routing,
    usage,
)
from eda_sandbox.services.apigateway.exchange import Exchange, Reply, trace_header
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.iam_authorization import SignedRequest
from eda_sandbox.services.apigateway.integrations import Backends
from eda_sandbox.services.apigateway.lambda_authorization import LambdaAuthorization
from eda_sandbox.services.apigateway.mapping import Sources
from eda_sandbox.services.apigateway.model import Authorizer, DomainName
from eda_sandbox.services.apigateway.store import Store
from eda_sandbox.services.apigateway.tracing import StageTrace

_LOG = logging.getLogger(__name__)

MAX_BODY = 10 * 1024 * 1024
# The account's own limit (10,000 a second, bursts of 5,000) over all of a region's APIs.
ACCOUNT_RATE, ACCOUNT_BURST = 10000.0, 5000

# Headers of an answer that the gateway keeps for itself: the backend's go out under another name, or not at all.
_REMAPPED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "date",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "trailer",
        "upgrade",
        "user-agent",
        "www-authenticate",
    }
)
_DROPPED = frozenset({"keep-alive", "transfer-encoding", "x-amzn-requestid"})
# Integrations whose answers name the trace; recorded of these, and that a mock's and an HTTP proxy's do not.
_TRACED = frozenset({"AWS", "AWS_PROXY", "HTTP"})


class Gateway:
    """Serves the stages of a store's APIs."""

    def __init__(
        self,
        store: Store,
        backends: Backends,
        *,
        region: str,
        account: str,
        fetch_keys: cognito_authorization.FetchKeys,
        now: Callable[[], datetime],
        log: Callable[[str, str], None],
        doubts: Mapping[str, str],
        record: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._backends = backends
        self._custom = LambdaAuthorization(backends, region)
        self._region = region
        self._account = account
        self._fetch_keys = fetch_keys
        self._now = now
        self._log = log
        self._doubts = doubts
        self._record = record

    def handle_domain(self, domain: DomainName, path: str, request: SignedRequest) -> Reply:
        """Answer a request to a domain of one's own; ``path`` is not percent-decoded. Never raises."""
        first, slash, rest = path.removeprefix("/").partition("/")
        mapping = domain.mappings.get(unquote(first))
        if mapping is None:
            mapping, first, slash, rest = domain.mappings.get(""), "", "/", path.removeprefix("/")
        if mapping is None:
            return _forbidden()
        stage = mapping.stage
        if stage is None:
            stage, slash, rest = rest.partition("/")
        return self.handle(mapping.rest_api_id, stage, slash + rest, request, (domain.domain_name, first))

    def handle(
        self,
        api_id: str,
        stage_name: str,
        path: str,
        request: SignedRequest,
        domain: tuple[str, str] | None = None,
    ) -> Reply:
        """Answer a request; ``path`` is what follows the stage, not percent-decoded. Never raises.

        Args:
            domain: the domain of one's own that it came by, and its base path there.
        """
        exchange = self._exchange(api_id, unquote(stage_name), path, request, by_domain=domain is not None)
        if exchange is None:
            return _forbidden()
        if domain is not None:
            exchange.came_by(*domain)
        trace = StageTrace(exchange)
        try:
            with tracing.carrying(trace.header):
                reply = self._serve(exchange, request, trace)
        except GatewayError as error:
            reply = self._refuse(exchange, error)
        except Exception as error:
            _LOG.exception("apigateway %s: unexpected failure", exchange.request_id)
            reply = self._refuse(exchange, GatewayError("DEFAULT_5XX", detail=f"sandbox: {error!r}"))
        reply = self._finish(exchange, reply)
        if trace.recorded:
            self._record(trace.document(reply))
        return reply

    def _exchange(
        self, api_id: str, stage_name: str, path: str, request: SignedRequest, by_domain: bool
    ) -> Exchange | None:
        api = self._store.apis.get(api_id)
        stage = api.stages.get(stage_name) if api else None
        deployment = api.deployments.get(stage.deployment_id) if api and stage else None
        if api is None or stage is None or deployment is None:
            return None
        if deployment.definition.disable_execute_api_endpoint and not by_domain:
            return None
        lower = self._doubts["apigateway-header-names"] == "lower-case"
        given = next((value for name, value in request.headers if name.lower() == "x-amzn-trace-id"), None)
        return Exchange(
            api=api,
            stage=stage,
            deployment=deployment,
            region=self._region,
            account=self._account,
            http_method=request.method,
            path=path or "/",
            query={name: list(values) for name, values in request.query.items()},
            raw_headers=[(name.lower() if lower else name, value) for name, value in request.headers],
            body=request.body,
            source_ip=request.source_ip,
            trace_id=trace_header(given, traced=stage.tracing_enabled),
        )

    def _serve(self, exchange: Exchange, request: SignedRequest, trace: StageTrace) -> Reply:
        route = routing.match(exchange.definition, exchange.http_method, exchange.path)
        if route is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        exchange.routed(route)
        self._authorize(exchange, request)
        if len(exchange.body) > MAX_BODY:
            raise GatewayError("REQUEST_TOO_LARGE")
        if route.method.api_key_required:
            usage.admit(
                exchange,
                list(self._store.keys.values()),
                list(self._store.plans.values()),
                self._store.usage,
                self._store.throttle,
                self._now(),
            )
        self._throttle(exchange)
        _inflate(exchange)
        request_validation.validate(
            exchange.definition,
            route.method,
            path=exchange.path_parameters,
            query=exchange.query,
            headers=exchange.sent_headers,
            content_type=exchange.content_type,
            body=exchange.body,
            repeated_members=self._doubts["apigateway-repeated-member"] == "taken",
        )
        exchange.integration_started = time.monotonic()
        try:
            with trace.integration(route.method.method_integration):
                return integrations.run(exchange, self._backends)
        finally:
            latency = round((time.monotonic() - exchange.integration_started) * 1000)
            exchange.context["integrationLatency"] = latency
            exchange.context.setdefault("integration", {})["latency"] = latency

    def _authorize(self, exchange: Exchange, request: SignedRequest) -> None:
        route, definition = exchange.route, exchange.definition
        if route is None:
            return
        method = route.method
        resource_arn = (
            f"arn:aws:execute-api:{self._region}:{self._account}:{exchange.api.id}/"
            f"{exchange.stage.stage_name}/{exchange.http_method}/{exchange.path.lstrip('/')}"
        )
        identity = None
        if method.authorization_type == "AWS_IAM":
            identity = iam_authorization.authenticate(request, self._region, self._account)
            exchange.identity.update(
                accountId=identity.account_id,
                accessKey=identity.access_key,
                caller=identity.caller,
                user=identity.user,
                userArn=identity.user_arn,
            )
        elif method.authorization_type == "COGNITO_USER_POOLS":
            self._cognito(exchange, method.authorizer_id or "", method.authorization_scopes)
        elif method.authorization_type == "CUSTOM":
            self._custom.authorize(exchange, self._authorizer(exchange, method.authorizer_id or ""), resource_arn)
        if method.authorization_type == "AWS_IAM" or definition.policy:
            iam_authorization.authorize(
                identity,
                resource_arn,
                definition.policy,
                needs_identity_policy=method.authorization_type == "AWS_IAM",
                region=self._region,
                source_ip=exchange.source_ip,
            )

    def _cognito(self, exchange: Exchange, authorizer_id: str, scopes: list[str]) -> None:
        authorizer = self._authorizer(exchange, authorizer_id)
        name = authorizer.identity_source.removeprefix("method.request.header.")
        token = exchange.header(name)
        pattern = authorizer.identity_validation_expression
        if token and pattern and not re.fullmatch(pattern, token):
            raise GatewayError("UNAUTHORIZED")
        try:
            claims = cognito_authorization.authorize(
                token, authorizer.provider_arns, scopes, self._fetch_keys, time.time()
            )
        except GatewayError:
            raise
        except Exception as error:
            raise GatewayError("AUTHORIZER_FAILURE", detail=f"user pool: {error}") from error
        exchange.authorizer = {"claims": claims}
        exchange.context["authorizer"] = {"claims": claims, "principalId": claims.get("sub")}

    def _authorizer(self, exchange: Exchange, authorizer_id: str) -> Authorizer:
        authorizer = exchange.definition.authorizers.get(authorizer_id)
        if authorizer is None:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=f"there is no authorizer {authorizer_id}")
        return authorizer

    def _throttle(self, exchange: Exchange) -> None:
        route = exchange.route
        if route is None:
            return
        setting = exchange.stage.setting(route.resource.path, route.method.http_method)
        bucket = ("method", exchange.api.id, exchange.stage.stage_name, route.resource.path, route.method.http_method)
        throttle = self._store.throttle
        if not throttle.take(bucket, setting.throttling_rate_limit, setting.throttling_burst_limit):
            raise GatewayError("THROTTLED")
        if not throttle.take(("account",), ACCOUNT_RATE, ACCOUNT_BURST):
            raise GatewayError("THROTTLED")

    def _refuse(self, exchange: Exchange, error: GatewayError) -> Reply:
        exchange.context["error"] = gateway_responses.error_context(error)
        if error.detail:
            exchange.context["integrationErrorMessage"] = error.detail
            exchange.context.setdefault("integration", {})["error"] = error.detail
            _LOG.info("apigateway %s %s: %s", exchange.request_id, error.response_type, error.detail)
        sources: Sources = exchange.sources()
        rendered = gateway_responses.render(
            error,
            exchange.definition.gateway_responses,
            sources,
            exchange.variables(),
            exchange.header("accept") or "",
        )
        return Reply(rendered.status, rendered.headers, rendered.body)

    def _finish(self, exchange: Exchange, reply: Reply) -> Reply:
        headers: list[tuple[str, str]] = []
        for name, value in reply.headers:
            if name.lower() in _REMAPPED:
                headers.append((f"x-amzn-Remapped-{name}", value))
            elif name.lower() not in _DROPPED:
                headers.append((name, _one_line(value)))
        body = reply.body
        minimum = exchange.definition.minimum_compression_size
        encoded = any(name.lower() == "content-encoding" for name, _ in headers)
        wanted = "gzip" in (exchange.header("accept-encoding") or "").lower()
        if minimum is not None and len(body) >= minimum and wanted and not encoded:
            body = gzip.compress(body, mtime=0)
            headers.append(("Content-Encoding", "gzip"))
        headers += [
            ("x-amzn-RequestId", exchange.request_id),
            ("x-amz-apigw-id", exchange.extended_request_id),
        ]
        integration = exchange.route.method.method_integration if exchange.route else None
        if exchange.backend_answered and integration is not None and integration.type in _TRACED:
            headers.append(("X-Amzn-Trace-Id", exchange.trace_id))
        if exchange.http_method == "HEAD":
            body = b""
        self._write_log(exchange, reply.status, len(body))
        return Reply(reply.status, headers, body)

    def _write_log(self, exchange: Exchange, status: int, length: int) -> None:
        settings: dict[str, Any] = exchange.stage.access_log_settings or {}
        if not settings.get("destinationArn") or not settings.get("format"):
            return
        context = exchange.context
        context["status"] = status
        context["responseLength"] = length
        context["responseLatency"] = round((time.time() - exchange.started) * 1000)
        self._log(settings["destinationArn"], access_log.line(settings["format"], context))


def _forbidden() -> Reply:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
    return Reply(403, headers, b'{"message":"Forbidden"}')


def _one_line(value: str) -> str:
    # A header value with a line break would be another header.
    return re.sub(r"[\r\n\0]+", " ", value)


def _inflate(exchange: Exchange) -> None:
    if exchange.definition.minimum_compression_size is None or not exchange.body:
        return
    encoding = (exchange.header("content-encoding") or "identity").lower()
    if encoding in ("gzip", "deflate"):
        inflater = zlib.decompressobj(wbits=47 if encoding == "gzip" else 15)
        try:
            body = inflater.decompress(exchange.body, MAX_BODY + 1)
        except zlib.error as error:
            raise GatewayError("BAD_REQUEST_BODY") from error
        if len(body) > MAX_BODY:
            raise GatewayError("REQUEST_TOO_LARGE")
        exchange.body = body
    elif encoding != "identity":
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE")


def utc_now() -> datetime:
    return datetime.now(UTC)
