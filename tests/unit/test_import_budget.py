"""The GET function loads no more than it needs: after a time-out it initialises inside its two seconds."""

import json
import subprocess
import sys

from bench.imports import ENVIRONMENT

LOADED = """
import json, sys
import eda_runtime.entrypoint
print(json.dumps(sorted(sys.modules)))
"""


def test_get_order_loads_neither_boto3_nor_idempotency() -> None:
    environment = {**ENVIRONMENT, "EDA_HANDLER": "functions.get_order.handler.handle"}
    done = subprocess.run([sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "functions.get_order.handler" in loaded
    for heavy in (
        "boto3",
        "aws_lambda_powertools.utilities.idempotency",
        "eda_runtime.idempotency",
        "pydantic",
    ):
        assert heavy not in loaded, heavy
