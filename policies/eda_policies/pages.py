"""The documentation of the rules, made of their metadata."""

import json
from collections.abc import Iterator, Sequence

from eda_policies.rule import ENVIRONMENTS, Option, Rule, StackRule
from eda_policies.rules import RULES

TITLES = {
    "lambda": "Lambda",
    "step-functions": "Step Functions",
    "api-gateway": "API Gateway",
    "iam": "IAM",
    "queues": "Queues and topics",
    "events": "Event source mappings, Pipes, rules and schedules",
    "dynamodb": "DynamoDB",
    "s3": "S3",
    "analytics": "Kinesis, Firehose, Athena, Glue, Redshift, KMS",
    "stack": "The whole stack",
}


def pages() -> dict[str, str]:
    """All pages, by file: one for each service with an anchor for each rule, and the list of all rules."""
    made = {f"{page}.md": _page(page, [rule for rule in RULES if rule.page == page]) for page in TITLES}
    return {"README.md": _list(), **made}


def _list() -> str:
    lines = [
        "# Policies",
        "",
        "What the policy pack demands of a stack, made of the rules' metadata by `python -m eda_policies docs`.",
        "",
        INTRODUCTION,
        "## Rules",
        "",
        f"| rule | holds when | {' | '.join(ENVIRONMENTS)} |",
        f"|---|---|{'---|' * len(ENVIRONMENTS)}",
    ]
    for rule in RULES:
        levels = " | ".join(rule.levels[environment].value for environment in ENVIRONMENTS)
        lines.append(f"| [{rule.name}]({rule.page}.md#{rule.name}) | {rule.holds} | {levels} |")
    return "\n".join([*lines, ""])


def _page(page: str, rules: Sequence[Rule]) -> str:
    lines = [f"# {TITLES[page]}", "", "Made of the rules' metadata by `python -m eda_policies docs`.", ""]
    for rule in rules:
        lines += _rule(rule)
    return "\n".join(lines)


def _rule(rule: Rule) -> Iterator[str]:
    sees = "the whole stack, at the end of a preview or update" if isinstance(rule, StackRule) else "each resource"
    yield from (f"## {rule.name}", "", rule.holds, "")
    yield from (f"**Why.** {rule.why}", "", f"**Fix.** {rule.fix}", "")
    yield from (f"**Sees.** {sees[0].upper()}{sees[1:]}. [Reference]({rule.reference})", "")
    yield f"| {' | '.join(ENVIRONMENTS)} |"
    yield f"|{'---|' * len(ENVIRONMENTS)}"
    yield f"| {' | '.join(rule.levels[environment].value for environment in ENVIRONMENTS)} |"
    yield ""
    if rule.options:
        yield from ("| option | what it is | default |", "|---|---|---|")
        for name, option in rule.options.items():
            yield f"| `{name}` | {_kind(option)} | {_default(option)} |"
        yield ""


def section(rule: Rule) -> str:
    """What the documentation says of a rule."""
    return "\n".join(_rule(rule))


def _kind(option: Option) -> str:
    schema = option.schema
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    kind = " ".join([schema["type"], *bounds])
    items = schema.get("items", {})
    members = items.get("properties", {})
    listed = "; ".join(f"`{name}`: {member['description']}" for name, member in members.items())
    allowed = schema.get("enum") or items.get("enum")
    one_of = f" ({', '.join(allowed)})" if allowed else ""
    return f"{kind}: {schema['description']}{one_of}" + (f", each with {listed}" if listed else "")


def _default(option: Option) -> str:
    by_value: dict[str, list[str]] = {}
    for environment, value in option.default.items():
        by_value.setdefault(_shown(value), []).append(environment)
    if len(by_value) == 1:
        return next(iter(by_value))
    return "; ".join(f"{value} ({', '.join(environments)})" for value, environments in by_value.items())


def _shown(value: object) -> str:
    if value in ([], ""):
        return "none"
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{json.dumps(value)}`"


INTRODUCTION = """\
## Use

In any repository, with the wheel:

```
pip install pulumi-aws-eda-policies
eda-policies check --stack prod                 # in the program's folder: no engine, no account
eda-policies pack policy-pack                   # writes a folder for the engine
pulumi preview --policy-pack policy-pack
```

The engine starts the pack with the `python3` that it finds first: activate the environment that has the wheel, or
name it in the folder's `PulumiPolicy.yaml`. In this repository `make policies ARGS="--stack dev"` and `pulumi preview
--policy-pack policies` do the same. `check` runs the stack program under recording mocks and checks what it makes,
for all stacks that have a file by default, and ends with 1 on a mandatory violation. Both report the same violations:
documents are read as text and as maps, flags and numbers also as text, explicit providers and their default tags
count, and old names of types are those of the new ones.

What several resources have in common is one finding of `check`, with one fix and all of their names. `--format` is
`text`, `json` (a list with `stack`, `rule`, `level`, `urn` and `message` of each resource), `sarif` (for code
scanning) or `github` (annotations of a pull request). `eda-policies explain lambda-memory-bounds` says what a rule
demands, and why.

A violation names the resource, what was found, what is allowed, the fix, and where to read on. A preview does not
know all values: a mandatory rule that cannot be decided yet says which property is unknown, as advice, and decides
before the update changes the resource; rules on the whole stack decide after it. They follow the dependencies of
properties, so they know what belongs together also while ARNs are unknown. A rule that cannot read a resource reports
that; what is of another provider (`aws-native`) or in a CloudFormation template is named once by `policy-coverage`.
Nothing passes in silence.

## Environments

The profile is that of the stack's config `<project>:environment`, or of the stack's name: `sandbox` and `dev` advise
but for what is essential, `staging` demands all but what only costs, `prod` demands all. Any other stack is checked
as `prod`.

## Config

The config is Pulumi's: a JSON file by rule, with a level or with `enforcementLevel` and the rule's options. The
rules' defaults are for any event-driven stack. `policies/config.json` holds what this repository's own program adds,
its budgets first, and is for that program alone; `--policy-pack-config` (or `--config`) gives another.

```json
{
  "lambda-function-budget": {
    "functionBudgets": [
      {"function": "get-order-function", "memorySize": 128, "timeout": 2, "reservedConcurrency": true}
    ]
  },
  "lambda-arm64": "disabled",
  "policy-settings": {
    "exemptions": [
      {
        "rule": "lambda-memory-bounds",
        "urn": "*::report-function",
        "reason": "loads a model of 4 GB; moves to a batch job",
        "expires": "2027-06-30"
      }
    ]
  }
}
```

An exemption needs a reason and a last day. One that has expired exempts no longer, and one that exempts nothing is
reported; so is a budget that matches no function. A misspelt rule or option is an error that names the nearest one,
in the engine too; so are bounds between which nothing lies, budgets that pin nothing or contradict each other, and
lists that allow nothing.

## A pack of your own

Each rule can be imported by itself and stands alone:

```python
from eda_policies.pack import policy
from eda_policies.rules.lambda_ import memory_bounds, tracing_active
from pulumi_policy import PolicyPack

PolicyPack("mine", [policy(memory_bounds), policy(tracing_active)])
```

`eda_policies.analyzer.serve(RULES, config)` runs many rules faster: it reads each resource once for all of them. [How
the pack compares](comparison.md) with cdk-nag, checkov, Trivy and awsguard.
"""
