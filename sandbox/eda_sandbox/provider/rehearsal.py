"""What can be known of a resource before it is made: its creation is followed up to the first call, which is unsent."""

from typing import Any, NoReturn

from botocore import validate, xform_name
from botocore.model import ServiceModel
from pulumi.output import Unknown

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.table import resource_type


class Pending(str):
    """Stands for a value that only the deployment makes known; it can be read as any scalar."""

    __slots__ = ()

    def __int__(self) -> int:
        return 1

    def __float__(self) -> float:
        return 1.0


class _Reached(Exception):
    """The first call would be sent now: the inputs are what the type takes."""


class _Client:
    def __init__(self, service: str, complete: bool) -> None:
        self._model = service_model(service)
        self._complete = complete

    def __getattr__(self, method: str) -> Any:
        def call(**parameters: Any) -> NoReturn:
            if self._complete:
                _validate(self._model, method, parameters)
            raise _Reached

        return call


class _Rehearsal(Context):
    """A context whose clients send nothing."""

    complete: bool = True

    def client(self, service: str) -> Any:
        return _Client(service, self.complete)


class _IncompleteRehearsal(_Rehearsal):
    complete = False


def _validate(model: ServiceModel, method: str, parameters: dict[str, Any]) -> None:
    operation = next((name for name in model.operation_names if xform_name(name) == method), None)
    if operation is None:
        return
    shape = model.operation_model(operation).input_shape
    if shape is not None and (report := validate.ParamValidator().validate(parameters, shape)).has_errors():
        raise SandboxError(report.generate_report())


def rehearse(context: Context, token: str, values: dict[str, Any]) -> None:
    """Follow the creation of a resource without making it.

    Args:
        context: where it would be made.
        token: its type.
        values: its inputs; what is not known yet is Pulumi's ``Unknown``.

    Raises:
        SandboxError: the type is unknown, a property is unknown or missing, or a value has the wrong type.
    """
    known, complete = _pending(values), not _holds_unknown(values)
    rehearsal = _Rehearsal if complete else _IncompleteRehearsal
    try:
        resource_type(token).create(rehearsal(context.cloud, context.urn, context.name), Inputs(token, known))
    except _Reached:
        pass
    except SandboxError:
        raise
    except Exception:
        # A block that is not known yet cannot be taken apart; it is looked at when the resource is made.
        if complete:
            raise


def _pending(value: Any) -> Any:
    """The value with ``Pending`` where it is not known yet."""
    if isinstance(value, dict):
        return {key: _pending(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_pending(item) for item in value]
    return Pending("pending") if isinstance(value, Unknown) else value


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(_holds_unknown(item) for item in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, Unknown)
