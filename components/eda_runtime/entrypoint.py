"""The handler of every function: names the correlation id, logs the request, and runs the user's handler.

Environment:
    EDA_HANDLER: the user's handler as ``module.function``, loaded when the environment initialises.
    EDA_IDEMPOTENCY: JSON with the idempotency settings; unset for a function without.
    EDA_PAYLOAD_STORE: JSON with the payload store's settings; unset for a function without.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

from eda_runtime import settings
from eda_runtime.envelope import Envelope
from eda_runtime.http import Problem, is_http, path_of, sent_correlation_id
from eda_runtime.logger import logger

Handler = Callable[[dict[str, Any], Any], Any]


def load(name: str) -> Handler:
    """Import a handler.

    Args:
        name: ``module.function``.

    Raises:
        SettingsError: the name has no dot, or the module no such function.
    """
    module, _, function = name.rpartition(".")
    if not module:
        raise settings.SettingsError(f"EDA_HANDLER is {name!r}; it must be module.function")
    found = getattr(importlib.import_module(module), function, None)
    if not callable(found):
        raise settings.SettingsError(f"EDA_HANDLER is {name!r}, but {module} has no function {function}")
    handler: Handler = found
    # Imported here, because a function without them must not pay for them.
    store = None
    if os.environ.get("EDA_PAYLOAD_STORE"):
        from eda_runtime import claim_check

        store = claim_check.from_settings(os.environ["EDA_PAYLOAD_STORE"])
        handler = claim_check.transparent(handler, store)
    if os.environ.get("EDA_IDEMPOTENCY"):
        from eda_runtime.idempotency import from_settings

        # A result that is too large for its record has to be put and got.
        results = store if store is not None and store.reads and store.writes else None
        handler = from_settings(handler, os.environ["EDA_IDEMPOTENCY"], results)
    return handler


def correlation_id_of(event: Any) -> str | None:
    """The correlation id that an event carries: in its envelope, in a header, in its path as the order's id, or as
    ``records.correlation_id_of`` finds it in an event of a bus and in a batch of one."""
    if not isinstance(event, dict):
        return None
    envelope = Envelope.of(event)
    if envelope is not None:
        return envelope.correlation_id
    if is_http(event):
        path = event.get("pathParameters") or {}
        request = event.get("requestContext") or {}
        try:
            sent = sent_correlation_id(event)
        except Problem:
            # The request is refused; its lines are found by what it is about.
            sent = None
        return sent or path.get("order_id") or request.get("requestId")
    batch = event.get("Records")
    alone = batch[0] if isinstance(batch, list) and len(batch) == 1 else event
    if alone is event and "detail-type" not in event:
        return None
    # Imported here, because a function without such events must not pay for it.
    from eda_runtime import records

    return records.correlation_id_of(alone)


def annotations() -> Callable[[dict[str, str]], None]:
    """What annotates the invocation's span, where the function has the layer of AWS Distro for OpenTelemetry.

    Lambda's own segments take no annotations without an SDK in the function, so there it does nothing.
    """
    try:
        # Only the layer brings it.
        trace: Any = importlib.import_module("opentelemetry.trace")
    except ImportError:
        return lambda _values: None

    def annotate(values: dict[str, str]) -> None:
        span = trace.get_current_span()
        span.set_attributes(values)
        # X-Ray's exporter makes annotations of the attributes that are named here, and metadata of all others.
        span.set_attribute("aws.xray.annotations", list(values))

    return annotate


_handler = load(settings.text("EDA_HANDLER"))
_annotate = annotations()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Any:
    """Run the user's handler; a ``Problem`` it raises becomes the HTTP answer, as does a bad ``X-Correlation-Id``."""
    correlation_id = correlation_id_of(event) or context.aws_request_id
    logger.set_correlation_id(correlation_id)
    order_id = (event.get("pathParameters") or event).get("order_id") if isinstance(event, dict) else None
    _annotate({"correlation_id": correlation_id, **({"order_id": str(order_id)} if order_id else {})})
    http = is_http(event)
    # The first line joins what AWS's own lines know, the request id, to the correlation id; so a call that is killed is
    # found, too.
    if http:
        request = event.get("requestContext") or {}
        route = request.get("resourcePath") or request.get("routeKey") or path_of(event)
        logger.info("request", request_id=request.get("requestId"), route=route)
    else:
        envelope = Envelope.of(event) if isinstance(event, dict) else None
        logger.info("invoked", causation_id=envelope.causation_id if envelope is not None else None)
    try:
        if http:
            sent_correlation_id(event)
            if event.get("stageVariables"):
                # Imported here, because most APIs tell their functions nothing.
                from eda_runtime.stage_variables import check_size

                check_size(event)
        answer = _handler(event, context)
    except Problem as failure:
        if not http:
            raise
        logger.info("refused", status=failure.status)
        answer = failure.response(event)
    except Exception as failure:
        # The runtime's line about it has the stack, and no correlation id.
        logger.error("failed", error_type=type(failure).__name__)
        raise
    if not (http and event.get("stageVariables")):
        return answer
    from eda_runtime.stage_variables import with_cors

    return with_cors(event, answer)
