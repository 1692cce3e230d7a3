"""Where a function's credentials come from, as the SDKs look for them on Lambda.

Its environment has them (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``). With SnapStart it
has the address of an endpoint that gives them instead (``AWS_CONTAINER_CREDENTIALS_FULL_URI``), because a snapshot
outlives any credentials (AWS SDKs and Tools Reference Guide, "Container credential provider").
"""

import os
from collections.abc import Callable

from eda_runtime.aws.signature import Credentials, NoCredentials


def provider() -> Callable[[], Credentials]:
    """What gives the credentials for a request.

    Raises:
        NoCredentials: the environment names neither credentials nor their endpoint.
    """
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        found = Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN", ""))
        return lambda: found
    if os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        # Imported here, because most functions have no SnapStart.
        from eda_runtime.aws.container import ContainerCredentials

        return ContainerCredentials(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    raise NoCredentials("the environment has neither AWS_ACCESS_KEY_ID nor AWS_CONTAINER_CREDENTIALS_FULL_URI")
