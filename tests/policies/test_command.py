"""``python -m eda_policies``, the documents, and rules in a pack of one's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eda_policies import pages, runner
from eda_policies.command import app
from eda_policies.pack import policies, policy
from eda_policies.rule import ENVIRONMENTS
from eda_policies.rules import RULES
from eda_policies.rules.lambda_ import memory_bounds
from eda_policies.rules.queues import dlq_alarm
from google.protobuf.empty_pb2 import Empty
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer
from typer.testing import CliRunner

from tests.policies.stacks import stack_requests

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "policies"
DEFAULT = ["--default", "orders:external_api_url=http://127.0.0.1:8080"]
PROGRAM = """
import pulumi
import pulumi_aws as aws

size = pulumi.Config().get_int("size") or 128
role = aws.iam.Role("role", assume_role_policy="{}")
aws.lambda_.Function("report", role=role.arn, runtime="python3.13", handler="h.h", memory_size=size)
"""


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: reports\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  size: 128\n")
    (tmp_path / "Pulumi.blue.yaml").write_text("config:\n  reports:environment: prod\n  reports:size: 20000\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "config.json").write_text('{"lambda-tracing-active": "advisory"}')
    return tmp_path / "__main__.py"


@pytest.mark.slow
def test_every_stack_of_the_repository_passes_by_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eda_policies", "check", *DEFAULT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    for stack in ENVIRONMENTS:
        assert f"{stack}: " in done.stdout
    assert done.stdout.count("passes, ") == len(ENVIRONMENTS)


def test_all_stacks_of_a_program_are_checked_by_default_and_a_mandatory_violation_ends_with_1(program: Path) -> None:
    config = str(program.parent / "config.json")
    done = invoke("check", "--program", str(program), "--config", config)
    assert done.exit_code == 1
    assert "blue (profile prod): 2 resources" in done.stdout
    assert "dev: 2 resources" in done.stdout
    assert "mandatory lambda-memory-bounds" in done.stdout
    assert "report (aws:lambda/function:Function): memorySize is 20000; allowed: 128 to 3008 MB." in done.stdout
    assert "Fix: Set memory_size within the bounds" in done.stdout
    assert "or: eda-policies explain lambda-memory-bounds" in done.stdout


def test_advice_alone_ends_with_0(program: Path) -> None:
    config = str(program.parent / "config.json")
    done = invoke("check", "--program", str(program), "--config", config, "--stack", "dev")
    assert done.exit_code == 0, done.stdout
    assert "advisory lambda-tracing-active" in done.stdout
    assert "passes" in done.stdout


def test_json_holds_the_same_violations(program: Path) -> None:
    done = invoke("check", "--program", str(program), "--config", str(program.parent / "config.json"), "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {("blue", "lambda-memory-bounds", "mandatory")} <= {(v["stack"], v["rule"], v["level"]) for v in found}


def test_what_has_one_cause_is_one_finding_with_all_its_resources(program: Path) -> None:
    program.write_text(PROGRAM + "for n in range(20):\n    aws.sqs.Queue(f'queue-{n}')\n")
    done = invoke("check", "--program", str(program), "--stack", "blue")
    assert done.stdout.count("mandatory required-tags") == 1
    assert "    22 resources (" in done.stdout
    assert "and 10 more): it has no tag project, environment" in done.stdout


def test_json_is_a_list_by_resource_whatever_the_program_prints(program: Path) -> None:
    program.write_text(PROGRAM + "print('hello')\n")
    done = invoke("check", "--program", str(program), "--stack", "blue", "--format", "json")
    found = json.loads(done.stdout)
    assert {"rule", "urn", "level", "message"} <= set(found[0])
    assert {v["urn"].rpartition("::")[2] for v in found if v["rule"] == "required-tags"} == {"role", "report"}


def test_github_shows_annotations_of_the_program(program: Path) -> None:
    done = invoke("check", "--program", str(program), "--stack", "blue", "--format", "github")
    assert done.exit_code == 1
    [line] = [found for found in done.stdout.splitlines() if "lambda-memory-bounds" in found]
    assert line.startswith("::error file=")
    assert "title=blue%3A lambda-memory-bounds::report (aws:lambda/function:Function): memorySize is 20000" in line
    assert "%0AFix: Set memory_size" in line


def test_sarif_names_rules_resources_and_the_program(program: Path) -> None:
    done = invoke("check", "--program", str(program), "--stack", "blue", "--format", "sarif")
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.name for rule in RULES]
    [result] = [found for found in run["results"] if found["ruleId"] == "lambda-memory-bounds"]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] == "error"
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"].endswith("__main__.py")
    assert location["logicalLocations"][0]["fullyQualifiedName"].endswith("::report")


def test_a_rule_explains_itself(program: Path) -> None:
    assert "Set memory_size within the bounds" in invoke("explain", "lambda-memory-bounds").stdout
    assert "is 'lambda-memory-bounds' meant?" in invoke("explain", "lambda-memory-bound").output


def test_a_program_without_stacks_asks_for_one(program: Path) -> None:
    for file in program.parent.glob("Pulumi.*.yaml"):
        file.unlink()
    done = invoke("check", "--program", str(program))
    assert done.exit_code == 2
    assert "name a stack by --stack" in done.output


def test_a_folder_for_the_engine_is_written_once(tmp_path: Path) -> None:
    assert len(invoke("pack", str(tmp_path / "policies")).stdout.splitlines()) == 4
    (tmp_path / "policies" / "config.json").write_text('{"lambda-arm64": "disabled"}')
    assert invoke("pack", str(tmp_path / "policies")).stdout == ""
    assert "lambda-arm64" in (tmp_path / "policies" / "config.json").read_text()


FORMS = """
import json
import pulumi
import pulumi_aws as aws

provider = aws.Provider("eu", region="eu-west-1", default_tags={"tags": {"project": "shop", "environment": "prod"}})
opts = pulumi.ResourceOptions(provider=provider)


def tls(arn, value):
    condition = {"Bool": {"aws:SecureTransport": value}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn, "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [deny]}


for name, policy in (
    ("text", lambda arn: pulumi.Output.json_dumps(tls(arn, "false"))),
    ("map", lambda arn: tls(arn, False)),
    (
        "invoke",
        lambda arn: aws.iam.get_policy_document_output(
            statements=[
                {
                    "effect": "Deny",
                    "principals": [{"type": "*", "identifiers": ["*"]}],
                    "actions": ["sqs:*"],
                    "resources": [arn],
                    "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}],
                }
            ]
        ).json,
    ),
):
    queue = aws.sqs.Queue(name, opts=opts)
    aws.sqs.QueuePolicy(name, queue_url=queue.url, policy=policy(queue.arn), opts=opts)
wide = aws.iam.PolicyDocumentArgs(
    version="2012-10-17", statement=[aws.iam.PolicyStatementArgs(effect="Allow", action="sqs:*", resource="*")]
)
role = aws.iam.Role("role", assume_role_policy={"Version": "2012-10-17", "Statement": []}, opts=opts)
aws.iam.RolePolicy("args", role=role.name, policy=wide, opts=opts)
aws.redshift.Cluster("cluster", cluster_identifier="c", node_type="ra3", encrypted="true", opts=opts)
aws.s3.BucketV2("bucket", opts=opts)
"""


def test_values_in_every_form_are_read(program: Path) -> None:
    program.write_text(FORMS)
    done = invoke("check", "--program", str(program), "--stack", "blue", "--json")
    found = {(v["rule"], v["urn"].rpartition("::")[2]) for v in json.loads(done.stdout)}
    rules = {rule for rule, _ in found}
    assert not {"sqs-tls-only", "required-tags", "redshift-encrypted"} & rules
    assert ("iam-no-wildcard-resource", "args") in found
    assert ("s3-tls-only", "bucket") in found


NATIVE = """
import pulumi
import pulumi_aws as aws


class Native(pulumi.CustomResource):
    def __init__(self, name):
        super().__init__("aws-native:lambda:Function", name, {"memorySize": 10240})


Native("one")
Native("two")
aws.cloudformation.Stack("stack", template_body="{}")
"""


def test_types_that_no_rule_reads_are_named_once(program: Path) -> None:
    program.write_text(NATIVE)
    done = invoke("check", "--program", str(program), "--stack", "blue", "--json")
    [found] = [v for v in json.loads(done.stdout) if v["rule"] == "policy-coverage"]
    assert found["level"] == "advisory"
    assert "aws-native:lambda:Function (2), aws:cloudformation/stack:Stack (1)" in found["message"]


def test_a_preview_says_what_it_does_not_know() -> None:
    done = invoke("check", "--program", str(ROOT / "__main__.py"), "--stack", "dev", "--preview", *DEFAULT)
    assert done.exit_code == 0, done.stdout
    assert "definition is unknown until the update" in done.stdout


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "Expecting property name"),
        ('{"lambda-arm": "advisory"}', "there is no rule 'lambda-arm'; is 'lambda-arm64'"),
    ],
)
def test_a_wrong_config_ends_with_2(program: Path, config: str, message: str) -> None:
    file = program.parent / "config.json"
    file.write_text(config)
    done = invoke("check", "--program", str(program), "--config", str(file))
    assert done.exit_code == 2
    assert message in done.output


def test_a_program_that_fails_ends_with_2_and_says_why(program: Path) -> None:
    program.write_text("raise ValueError('no subnet is given')")
    done = invoke("check", "--program", str(program), "--stack", "dev")
    assert done.exit_code == 2
    assert "dev: the program failed: ValueError: no subnet is given" in done.output


def test_the_command_explains_itself() -> None:
    done = invoke("check", "--help")
    for option in ("--program", "--stack", "--config", "--default", "--preview", "--format", "--json"):
        assert option in done.stdout
    listed = invoke("rules", "--environment", "dev").stdout
    assert all(rule.name in listed for rule in RULES)
    assert invoke("rules", "--environment", "test").exit_code == 2


@pytest.mark.parametrize("name", sorted(pages.pages()))
def test_a_page_is_what_the_metadata_say(name: str) -> None:
    assert (PAGES / name).read_text() == pages.pages()[name], "run: python -m eda_policies docs"


def test_every_rules_page_has_its_anchor_and_nothing_else_is_there() -> None:
    made = pages.pages()
    for rule in RULES:
        assert f"\n## {rule.name}\n" in made[f"{rule.page}.md"]
    assert {file.name for file in PAGES.glob("*.md")} == {*made, "comparison.md"}


def servicer(*chosen: Any) -> Any:
    """Pulumi's own servicer, as ``PolicyPack`` makes it."""
    return _PolicyAnalyzerServicer("mine", "1", list(chosen), EnforcementLevel.ADVISORY)


def test_a_rule_stands_alone_in_a_pack_of_pulumis_own(program: Path) -> None:
    found = runner.requests(runner.run(program, "blue"))
    analyzer = servicer(policy(memory_bounds), policy(dlq_alarm))
    diagnostics = [d for request in found.resources for d in analyzer.Analyze(request, None).diagnostics]
    diagnostics += analyzer.AnalyzeStack(found.stack, None).diagnostics
    assert [(d.policyName, runner.reported(d).level.value) for d in diagnostics] == [
        ("lambda-memory-bounds", "mandatory")
    ]
    assert len(analyzer.GetAnalyzerInfo(Empty(), None).policies) == 2


@pytest.mark.slow
@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_pulumis_own_servicer_reports_the_same_by_the_same_rules(preview: bool) -> None:
    found = stack_requests("prod", preview)
    analyzer = servicer(*policies(RULES, "prod"))
    responses = [analyzer.Analyze(request, None) for request in found.resources]
    responses.append(analyzer.AnalyzeStack(found.stack, None))
    alone = [(d.policyName, d.urn) for response in responses for d in response.diagnostics]
    shared = [(v.rule, v.urn) for v in runner.check(RULES, found, "prod")]
    assert sorted(alone) == sorted(shared)
