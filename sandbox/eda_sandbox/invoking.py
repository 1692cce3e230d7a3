"""Invokes a function of a running sandbox, from another process."""

import json
import re
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError

LONGEST_SECONDS = 910
"""Lambda's longest time-out, and some."""


@dataclass(frozen=True)
class Answer:
    """What a function answered.

    Attributes:
        function: its name.
        payload: what it returned, or its error.
        failed: whether it is an error.
    """

    function: str
    payload: Any
    failed: bool


def invoke(endpoint: str, name: str, event: Any) -> Answer:
    """Invoke a function and wait for its answer.

    Args:
        endpoint: of the sandbox.
        name: the function's name, or its logical name in the program.
        event: what it is given.

    Raises:
        SandboxError: there is no such function, or there are several, or the invocation is refused.
    """
    client = boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_SECRET,
        config=Config(read_timeout=LONGEST_SECONDS, retries={"total_max_attempts": 1}),
    )
    try:
        function = _meant(name, [found["FunctionName"] for found in client.list_functions()["Functions"]])
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return Answer(function, json.loads(answer["Payload"].read() or b"null"), "FunctionError" in answer)
    except (BotoCoreError, ClientError) as error:
        raise SandboxError(str(error)) from error


def _meant(name: str, there: list[str]) -> str:
    """The function of a name, of a logical name, which the provider lengthens by seven digits, or of a part of it."""
    for pattern in (re.escape(name), f"{re.escape(name)}-[0-9a-f]{{7}}", f".*{re.escape(name)}.*"):
        found = [each for each in there if re.fullmatch(pattern, each)]
        if len(found) == 1:
            return found[0]
        if found:
            raise SandboxError(f"{name!r} is in the names of several functions: {', '.join(sorted(found))}")
    raise SandboxError(f"there is no function {name!r}; there are: {', '.join(sorted(there)) or 'none'}")
