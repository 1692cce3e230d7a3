"""What the state machines try again."""

from typing import Any

LAMBDA_RETRY: dict[str, Any] = {
    "ErrorEquals": [
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
    ],
    "IntervalSeconds": 2,
    "MaxAttempts": 10,
    "BackoffRate": 2,
    "MaxDelaySeconds": 120,
    "JitterStrategy": "FULL",
}
FAILED_CONDITION = "DynamoDB.ConditionalCheckFailedException"
ALREADY_EXISTS = "Sfn.ExecutionAlreadyExistsException"


def retry(but: str | None = None, attempts: int = 10, longest: int = 60) -> list[dict[str, Any]]:
    """Every error of a task, whatever its name: what throttling or an outage is called depends on the integration's own
    model (Step Functions Developer Guide, error names), so only the answer that is no fault is told apart.

    Args:
        but: an error that is an answer, and is not tried again.
        attempts: how often it is tried again.
        longest: seconds between two attempts at most.
    """
    answer = [] if but is None else [{"ErrorEquals": [but], "MaxAttempts": 0}]
    again: dict[str, Any] = {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": 1,
        "MaxAttempts": attempts,
        "BackoffRate": 2,
        "MaxDelaySeconds": longest,
        "JitterStrategy": "FULL",
    }
    return [*answer, again]
