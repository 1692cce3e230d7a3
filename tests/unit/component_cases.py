"""One program for each component, for the tests that hold for all of them."""

from collections.abc import Callable
from pathlib import Path

from pulumi_aws_eda import BatchedFirehoseSink, CallbackWorkflow, EventApi, IdempotentLambda, archives

CODE = archives.directory_archive(Path(__file__).parents[2] / "functions" / "get_order")
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:call"
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
TAGS = {"team": "orders"}


def idempotent_lambda() -> None:
    IdempotentLambda(
        "it",
        {
            "code": CODE,
            "asynchronous": True,
            "idempotency": {"token": "EVENT"},
            "queue_source": {},
            "stream_source": {"stream_arn": f"{TABLE}/stream/x"},
            "tags": TAGS,
        },
    )


def callback_workflow() -> None:
    CallbackWorkflow("it", {"call_function_arn": FUNCTION, "table_name": "orders", "table_arn": TABLE, "tags": TAGS})


def event_api() -> None:
    EventApi(
        "it",
        {
            "routes": {
                "GET /orders/{order_id}": {
                    "function": {"function_name": "get", "invoke_arn": f"{FUNCTION}/invocations"}
                },
                "POST /orders": {
                    "workflow": {
                        "state_machine_arn": MACHINE,
                        "table_name": "orders",
                        "table_arn": TABLE,
                        "location": "/orders/{id}",
                    }
                },
            },
            "tags": TAGS,
        },
    )


def batched_firehose_sink() -> None:
    BatchedFirehoseSink(
        "it",
        {
            "table_stream_source": {"stream_arn": f"{TABLE}/stream/x", "key": "order_id", "attributes": ["status"]},
            "tags": TAGS,
        },
    )


CASES: dict[str, Callable[[], None]] = {
    "IdempotentLambda": idempotent_lambda,
    "CallbackWorkflow": callback_workflow,
    "EventApi": event_api,
    "BatchedFirehoseSink": batched_firehose_sink,
}
