"""How a function is configured for asynchronous invocations."""

from collections.abc import Callable, Mapping
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.lambda_.destinations import OF_INVOCATIONS, service_of
from eda_sandbox.services.lambda_.function import Function

_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def checked(request: Mapping[str, Any], function: Function, is_there: Callable[[str], bool]) -> dict[str, Any]:
    """What is kept of a request.

    Args:
        request: to put or to update a configuration.
        function: whose it is.
        is_there: whether a function of that ARN is there.

    Raises:
        AwsError: nothing is configured, or a destination is none.
    """
    kept = {name: request[name] for name in _MEMBERS if name in request}
    if not kept:
        raise _invalid("You must specify at least one of error handling or destination setting.")
    config = kept.get("DestinationConfig") or {}
    for kind in ("OnSuccess", "OnFailure"):
        destination = (config.get(kind) or {}).get("Destination")
        if not destination:
            continue
        service = service_of(destination)
        # Buckets take failures alone.
        if service not in OF_INVOCATIONS and not (service == "s3" and kind == "OnFailure"):
            told = {"OnSuccess": "null", "OnFailure": "null", kind: f"{kind}(destination={destination})"}
            raise _invalid(
                f"The provided destination config DestinationConfig(onSuccess={told['OnSuccess']}, "
                f"onFailure={told['OnFailure']}) is invalid."
            )
        if service == "lambda":
            if destination.startswith(function.arn) and destination[len(function.arn) :] in ("", ":$LATEST"):
                raise _invalid("You can't specify the function as a destination for itself.")
            if not is_there(destination):
                raise _invalid(f"The destination ARN {destination} is invalid.")
    return kept


def described(function: Function) -> dict[str, Any]:
    """A function's configuration as the API shows it.

    Raises:
        AwsError: it has none.
    """
    if function.event_invoke_config is None:
        raise missing(f"{function.arn}:$LATEST")
    config = function.event_invoke_config
    destinations = {"OnSuccess": {}, "OnFailure": {}, **(config.get("DestinationConfig") or {})}
    return {"FunctionArn": f"{function.arn}:$LATEST", **config, "DestinationConfig": destinations}


def missing(arn: str) -> AwsError:
    """What is answered where there is no configuration."""
    return AwsError("ResourceNotFoundException", f"The function {arn} doesn't have an EventInvokeConfig", 404)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)
