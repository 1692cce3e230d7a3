"""Patterns of IAM (``*`` for any characters, ``?`` for one), and which of them name nothing in particular."""

import functools
import re
from collections.abc import Iterator

WILDCARDS = re.compile(r"[*?]")
NAMES = ("zq7-q_z", "q.z8zq9", "7Qz-zzq-qq")
"""Names that nothing has; what matches all of them names nothing."""
_REMEMBERED = 4096
"""Patterns; a stack has the same ones in many policies."""

FORMATS: dict[str, tuple[str, ...]] = {
    "athena": ("workgroup/{}", "datacatalog/{}"),
    "apigateway": ("/restapis/{}", "/apis/{}", "/restapis/{}/stages/x"),
    "cloudwatch": ("alarm:{}", "dashboard/{}"),
    "cognito-idp": ("userpool/{}",),
    "dynamodb": ("table/{}", "table/{}/index/{}", "table/{}/stream/{}"),
    "ecr": ("repository/{}",),
    "events": ("rule/{}", "rule/{}/{}", "event-bus/{}", "archive/{}", "api-destination/{}/{}", "connection/{}/{}"),
    "execute-api": ("{}/{}/GET/{}", "{}"),
    "firehose": ("deliverystream/{}",),
    "glue": ("database/{}", "table/{}/{}", "job/{}", "crawler/{}", "connection/{}"),
    "iam": ("role/{}", "user/{}", "policy/{}", "group/{}"),
    "kafka": ("cluster/{}/{}", "topic/{}/{}/{}"),
    "kinesis": ("stream/{}", "stream/{}/consumer/{}"),
    "kms": ("key/{}", "alias/{}"),
    "lambda": ("function:{}", "function:{}:{}", "layer:{}", "layer:{}:1", "event-source-mapping:{}"),
    "logs": ("log-group:{}", "log-group:{}:*", "log-group:{}:log-stream:{}", "log-group:/{}/{}"),
    "pipes": ("pipe/{}",),
    "quicksight": ("dataset/{}", "datasource/{}", "user/{}", "dataset/{}/ingestion/{}"),
    "redshift": ("cluster:{}", "dbuser:{}/{}", "dbname:{}/{}"),
    "redshift-serverless": ("workgroup/{}", "namespace/{}"),
    "s3": ("{}", "{}/{}"),
    "scheduler": ("schedule/{}/{}", "schedule-group/{}"),
    "secretsmanager": ("secret:{}", "secret:{}-abcdef"),
    "sns": ("{}",),
    "sqs": ("{}",),
    "ssm": ("parameter/{}", "parameter/{}/{}", "document/{}"),
    "states": ("stateMachine:{}", "execution:{}:{}", "activity:{}", "express:{}:{}:{}"),
}
"""The last part of ARNs, by service (Service Authorization Reference, resource types)."""


@functools.lru_cache(_REMEMBERED)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", pattern))
    return re.compile("".join(parts), re.DOTALL)


def matches(value: str, pattern: str) -> bool:
    """Whether a value is what a pattern stands for; case counts."""
    return pattern == "*" or (value == pattern if not WILDCARDS.search(pattern) else _fits(value, pattern))


def _fits(value: str, pattern: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


def instances(pattern: str) -> Iterator[str]:
    """Values that a pattern stands for: the shortest, and some that nothing else is likely to stand for."""
    yield pattern.replace("*", "").replace("?", "7")
    if WILDCARDS.search(pattern):
        for name in NAMES:
            yield pattern.replace("*", name).replace("?", "q")


@functools.lru_cache(_REMEMBERED)
def names_nothing(pattern: str) -> bool:
    """Whether a pattern of ARNs stands for every resource of some type, whatever it is called."""
    if not WILDCARDS.search(pattern):
        return False
    fields = pattern.split(":", 5)
    if len(fields) < 6 or fields[0] != "arn":
        # A wildcard stands for what an ARN begins with, too.
        return not fields[-1].strip("*?") or all(_any_service(pattern, name) for name in NAMES)
    service, resource = fields[2], fields[5]
    if WILDCARDS.search(service):
        services = [known for known in FORMATS if matches(known, service)]
        return not services or any(_names_none(resource, form) for known in services for form in FORMATS[known])
    return any(_names_none(resource, form) for form in FORMATS.get(service, _alike(resource)))


def _names_none(resource: str, form: str) -> bool:
    """Whether the last part of a pattern stands for resources of a form by whatever name."""
    if all(matches(form.replace("{}", name), resource) for name in NAMES):
        return True
    # What comes behind the name may be named, as one index of every table.
    first = form.partition("{}")[0]
    if not resource.startswith(first) or not resource[len(first) :]:
        return False
    name = re.split(r"[:/]", resource[len(first) :])[0]
    return bool(name) and all(matches(other, name) for other in NAMES)


def _alike(resource: str) -> tuple[str, ...]:
    """Forms of a service that is not listed: a name behind what stands first, or a name alone."""
    kind = re.match(r"([A-Za-z][\w-]*[:/])", resource)
    return (f"{kind[1]}{{}}", f"{kind[1]}{{}}/{{}}") if kind else ("{}", "x/{}", "x:{}")


def _any_service(pattern: str, name: str) -> bool:
    return any(
        matches(f"arn:aws:{service}:eu-central-1:000000000000:{form.replace('{}', name)}", pattern)
        for service, forms in FORMATS.items()
        for form in forms
    )
