"""How EventBridge's rules and its Scheduler try a target again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from eda_sandbox.foundation.errors import AwsError

LONGEST_WAIT = 600.0
"""AWS's seconds that a retry waits at most; the documentation says no more than that waits grow exponentially."""
_THROTTLES = {
    "ConcurrentRunsExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_ENTRIES_THAT_PASS = {"InternalException", "InternalFailure", "ThrottlingException"}
"""What an entry may fail with and be put again (EventBridge API, PutEventsResultEntry)."""


@dataclass(frozen=True)
class RetryPolicy:
    """When to give up.

    Args:
        maximum_retry_attempts: retries behind the first attempt.
        maximum_event_age_in_seconds: AWS's seconds since the event or the slot, after which nothing is tried.
    """

    maximum_retry_attempts: int = 185
    maximum_event_age_in_seconds: int = 86_400

    @classmethod
    def of(cls, target: Mapping[str, Any]) -> "RetryPolicy":
        """A target's policy, with AWS's defaults."""
        given = target.get("RetryPolicy", {})
        return cls(
            given.get("MaximumRetryAttempts", cls.maximum_retry_attempts),
            given.get("MaximumEventAgeInSeconds", cls.maximum_event_age_in_seconds),
        )

    def exhausted(self, retries: int, age: float) -> str | None:
        """The member that ends it when one more retry would begin at that age, else None."""
        if retries >= self.maximum_retry_attempts:
            return "MaximumRetryAttempts"
        return "MaximumEventAgeInSeconds" if age > self.maximum_event_age_in_seconds else None


def wait_before(retry: int) -> float:
    """AWS's seconds between an attempt that failed and a retry, counted from 1."""
    return float(min(2.0**retry, LONGEST_WAIT))


def is_throttled(error: Exception) -> bool:
    """Whether the target said that it is called too often."""
    return isinstance(error, ClientError) and (
        error.response["Error"]["Code"] in _THROTTLES or error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    )


def is_transient(error: Exception) -> bool:
    """Whether trying again can help: a throttle, a failure of the target, a lost connection.

    Missing permissions, a missing target and a request that the target refuses stay what they are.
    """
    if isinstance(error, AwsError):
        return (error.status or 400) >= 500
    if isinstance(error, ClientError):
        return is_throttled(error) or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    return isinstance(error, BotoCoreError) and not isinstance(error, ParamValidationError)


def refused_entry(answer: Mapping[str, Any]) -> AwsError | None:
    """Why ``PutEvents`` did not take its one entry; None where it did."""
    if not answer["FailedEntryCount"]:
        return None
    entry = answer["Entries"][0]
    status = 500 if entry["ErrorCode"] in _ENTRIES_THAT_PASS else 400
    return AwsError(entry["ErrorCode"], entry.get("ErrorMessage", ""), status)
