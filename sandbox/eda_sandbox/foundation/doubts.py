"""What AWS does where no source decides it: switches, each with the values that it may have there.

A program that leans on one of them is run at each value. ``python -m pipeline probe`` asks a real account which it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eda_sandbox.foundation.errors import SandboxError


@dataclass(frozen=True)
class Doubt:
    """A behaviour that is not decided.

    Args:
        question: what is not known.
        values: what it may be, each with what it means; the first one is the sandbox's default.
        known: what sources say, and where.
    """

    question: str
    values: Mapping[str, str]
    known: str

    @property
    def default(self) -> str:
        """The value that the sandbox has until another one is chosen."""
        return next(iter(self.values))


DOUBTS: Mapping[str, Doubt] = {
    "pipes-missing-path": Doubt(
        "What does a path of a Pipe's input template give that leads nowhere, where a JSON value has to stand?",
        {
            "empty-string": '`""`',
            "null": "`null`",
            "omitted": "the member is left out",
        },
        "The guide says of input transformation only that the result is valid JSON "
        "(EventBridge User Guide, Amazon EventBridge Pipes input transformation).",
    ),
    "pipes-quotes": Doubt(
        "Is a string escaped that a Pipe's input template puts where a JSON value has to stand?",
        {
            "escaped": "quotes and backslashes in it are escaped",
            "verbatim": "it stands between quotes as it is, and one with a quote in it makes no JSON",
        },
        "The guide shows such strings without quotes in them alone (EventBridge User Guide, Amazon EventBridge Pipes "
        "input transformation).",
    ),
    "pipes-large-batches": Doubt(
        "What becomes of a Pipe's batch that is larger than one call of its target takes?",
        {
            "refused": "the call fails, and the batch is halved until it fits",
            "split": "it is sent in several calls",
        },
        "Documented are the numbers of records alone (EventBridge User Guide, Amazon EventBridge Pipes batching).",
    ),
    "apigateway-header-names": Doubt(
        "How are a header's names spelt in a mapping template's `$input.params().header`?",
        {
            "as-sent": "as the client sent them",
            "lower-case": "in lower case, as HTTP/2 carries them",
        },
        'API Gateway "processes header names in a case-sensitive way" (API Gateway Developer Guide, important notes); '
        "HTTP/2 has lower case alone (RFC 9113, section 8.2.1).",
    ),
    "apigateway-repeated-member": Doubt(
        "Does a request validator take a JSON body that names a member twice?",
        {
            "taken": "yes; the last one counts",
            "refused": "no: 400",
        },
        "RFC 8259 leaves it open (section 4), and no page of API Gateway's says it.",
    ),
    "stepfunctions-sdk-throttle": Doubt(
        "What is the error's name when a call of an `aws-sdk` integration is throttled with a code that the service's "
        "API model does not have?",
        {
            "general": "the service's one general exception, `Sfn.SfnException`",
            "code": "the code as an exception of its own, `Sfn.ThrottlingException`",
        },
        "AWS's own examples name the general one for optimised integrations, `DynamoDB.AmazonDynamoDBException` (Step "
        "Functions Developer Guide, synchronous executions).",
    ),
    "stepfunctions-data-limit": Doubt(
        "Does `States.ALL` stand for `States.DataLimitExceeded`?",
        {
            "caught": "yes, and so does `States.TaskFailed`",
            "by-name": "no: it is caught by its own name alone",
        },
        "The guide says that `States.ALL` cannot catch it (Step Functions Developer Guide, handling errors); in "
        "executions recorded in 2024 it did.",
    ),
    "glue-python-shell-log-group": Doubt(
        "Does a Python shell job write to the log group of `--continuous-log-logGroup`?",
        {
            "custom": "yes",
            "default": "no: to `/aws-glue/python-jobs/output`",
        },
        "The argument's page speaks of Spark jobs; that of Python shell jobs names the default group (Glue Developer "
        "Guide, job parameters; Python shell jobs).",
    ),
}
"""All of them, by name."""


def settled(chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """The value of each doubt: the chosen ones, and the others' defaults.

    Raises:
        SandboxError: there is no such doubt, or it has no such value.
    """
    for name, value in (chosen or {}).items():
        if name not in DOUBTS:
            raise SandboxError(f"there is no doubt {name!r}; there are {', '.join(DOUBTS)}")
        if value not in DOUBTS[name].values:
            raise SandboxError(f"{name} has no value {value!r}; it has {', '.join(DOUBTS[name].values)}")
    return {name: doubt.default for name, doubt in DOUBTS.items()} | dict(chosen or {})


def parsed(texts: list[str]) -> dict[str, str]:
    """Choices as a command line gives them, ``name=value``.

    Raises:
        SandboxError: one has no ``=``, or names what there is not.
    """
    chosen = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SandboxError(f"{text!r} is no choice: write name=value, for example {next(iter(DOUBTS))}=null")
        chosen[name] = value
    settled(chosen)
    return chosen
