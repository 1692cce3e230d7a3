"""The API models that the emulator looks at for each answer: it would read each one anew, in a session of its own."""

from functools import cache

from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel
from ministack.core import responses

from eda_sandbox.foundation.cloud import service_model


def install() -> None:
    """Give the emulator the sandbox's models; again does nothing."""
    responses._service_model = _model


@cache
def _model(service: str) -> ServiceModel | None:
    """A model by the emulator's name of its service; None where botocore has none."""
    try:
        return service_model(responses._BOTOCORE_NAME.get(service, service))
    except UnknownServiceError:
        return None
