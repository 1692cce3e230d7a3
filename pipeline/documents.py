"""The documents that are made of the pipeline itself: ``python -m pipeline.documents`` writes them."""

import json
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from eda_sandbox import offering
from pulumi_aws_eda import plugin
from pulumi_aws_eda.testing import Recording, record

from pipeline import api_page, capacity, costs, diagram, doubts, house, reference
from pipeline.config import StackConfig, StackFile, load

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ("sandbox", "dev", "staging", "prod")
GIVEN = {"orders:external_api_url": "http://127.0.0.1:8080"}
"""What the sandbox's file leaves to whoever starts it."""
ROWS = {
    "external API": "external_api_url",
    "GET: reserved concurrency": "get_concurrency",
    "external call: reserved concurrency": "call_concurrency",
    "wait for details, seconds": "details_timeout_seconds",
    "orders a second": "order_rate_limit",
    "requests a second on every other route": "throttling_rate_limit",
    "requests at once": "throttling_burst_limit",
    "days logs are kept": "log_retention_in_days",
    "deletion protection of what holds data": "deletion_protection",
    "key of the stack's own": "encryption_key",
    "topic of the alarms": "alarm_topic_arn",
}
DEFAULTS = {
    "deletion_protection": "false",
    "encryption_key": "false",
    "alarm_topic_arn": "none",
    "external_api_url": "given at start",
    "order_rate_limit": "50",
    "throttling_rate_limit": "100",
    "throttling_burst_limit": "50",
}


def config(environment: str) -> dict[str, Any]:
    """The config of an environment's stack file, by full key."""
    values: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{environment}.yaml").read_text())["config"]
    return values


def settings() -> dict[str, StackConfig]:
    """The typed config of every environment."""
    return {name: load(StackFile("orders", {**GIVEN, **config(name)})) for name in ENVIRONMENTS}


@cache
def recording(environment: str) -> Recording:
    """The pipeline's program under recording mocks; it is run once, so what is returned is not to be changed."""
    given = {**GIVEN, **config(environment)}
    program = str(ROOT / "__main__.py")
    return record(lambda: runpy.run_path(program), given, project="orders", stack=environment)


def openapi() -> str:
    """The API's document as the dev stack exports it, without what only API Gateway reads."""
    document = json.loads(recording("dev").exports["openapi"])
    document["servers"] = [{"url": "https://API_ID.execute-api.eu-central-1.amazonaws.com/v1"}]
    return json.dumps(_public(document), indent=2) + "\n"


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _public(item)
            for key, item in value.items()
            if not key.startswith("x-amazon-apigateway") or key == "x-amazon-apigateway-authtype"
        }
    return [_public(item) for item in value] if isinstance(value, list) else value


def environments() -> str:
    """The table of the environments' differences."""
    values = {name: config(name) for name in ENVIRONMENTS}
    lines = [
        "# The environments",
        "",
        "Made of `Pulumi.*.yaml` by `python -m pipeline.documents`; a test compares them.",
        "",
        f"| | {' | '.join(ENVIRONMENTS)} |",
        f"|---|{'---|' * len(ENVIRONMENTS)}",
    ]
    for label, key in ROWS.items():
        cells = [str(values[name].get(f"orders:{key}", DEFAULTS.get(key, ""))) for name in ENVIRONMENTS]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", NOTES])


NOTES = """\
`prod` refuses to be deployed without deletion protection, without a topic for its alarms, or with an API that is open
to everybody.

Before each deployment, `python -m pipeline preflight STACK` says what the account lacks: the role with which API
Gateway writes logs, enough concurrency for what the stack reserves (a new account's quota may be 10), and quotas for
the orders that its limits let in ([capacity](how-to/capacity.md)).
"""


def parts() -> str:
    """The picture of the stack's parts."""
    return PARTS.replace("GRAPH", diagram.mermaid(recording("sandbox")).rstrip())


PARTS = """\
# The parts of the pipeline

Made of the stack's own graph by `python -m pipeline.documents`; a test compares them. An arrow leads from a part to
each that uses its outputs: its name, its address, its stream. The topic of the alarms and `Observability` have to do
with every part and are left out.

```mermaid
GRAPH
```

How an order goes through them is told in [the pipeline](../pipeline.md).
"""


def documents() -> dict[Path, str]:
    """All documents, by file."""
    docs = ROOT / "docs"
    return {
        docs / "openapi.json": openapi(),
        docs / "api.md": api_page.page(openapi()),
        docs / "doubts.md": doubts.page(),
        docs / "environments.md": environments(),
        docs / "explanation" / "house.md": house.page(ROOT / "pyproject.toml"),
        docs / "explanation" / "parts.md": parts(),
        docs / "how-to" / "capacity.md": capacity.page({name: recording(name) for name in ENVIRONMENTS}, settings()),
        docs / "how-to" / "costs.md": costs.page({name: recording(name) for name in ENVIRONMENTS}),
        ROOT / "sandbox" / "OFFERED.md": offering.page(),
        **{docs / "reference" / name: text for name, text in reference.pages(plugin.schema()).items()},
    }


if __name__ == "__main__":
    for file, text in documents().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        print(file.relative_to(ROOT))
