"""The pack over the engine's own wire: the same violations as the runner's, under the same names and levels."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from eda_policies import runner, scaffold
from eda_policies.analyzer import NAME
from eda_policies.rule import Level, StackRule
from eda_policies.rules import RULES
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from tests.policies.stacks import CONFIG, PROGRAM, ROOT, copied, stack_requests

pytestmark = pytest.mark.slow  # the pack in a process of its own, for every stack

LEVELS = {"advisory": analyzer_pb2.ADVISORY, "mandatory": analyzer_pb2.MANDATORY, "disabled": analyzer_pb2.DISABLED}


@contextmanager
def pack(folder: str = "policies", cwd: Path = ROOT) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack as the engine starts it: it prints its port, and lives until it is ended."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", folder]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)  # type: ignore[no-untyped-call]  # untyped in Pulumi
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def configure(stub: Any, stack: str, overrides: dict[str, Any] | None = None, project: str = "orders") -> None:
    """What the engine does: it tells the stack, asks what there is, and configures every policy with what results."""
    request = analyzer_pb2.AnalyzerStackConfigureRequest(project=project, stack=stack)
    request.config.update({key: str(value) for key, value in runner.stack_config(PROGRAM, stack).items()})
    stub.ConfigureStack(request)
    info = stub.GetAnalyzerInfo(Empty())
    sent = analyzer_pb2.ConfigureAnalyzerRequest()
    for policy in info.policies:
        made = sent.policyConfig[policy.name]
        made.enforcementLevel = policy.enforcementLevel
        if policy.name in info.initialConfig:
            initial = info.initialConfig[policy.name]
            made.properties.CopyFrom(initial.properties)
            given = CONFIG[policy.name]
            if isinstance(given, str) or "enforcementLevel" in given:
                made.enforcementLevel = initial.enforcementLevel
        for key, value in (overrides or {}).get(policy.name, {}).items():
            if key == "enforcementLevel":
                made.enforcementLevel = LEVELS[value]
            else:
                made.properties[key] = value
    for name in set(overrides or {}) - set(sent.policyConfig):
        sent.policyConfig[name].enforcementLevel = analyzer_pb2.ADVISORY
    stub.Configure(sent)


def over_the_wire(stub: Any, found: runner.Requests) -> list[runner.Reported]:
    responses = [*map(stub.Analyze, found.resources), stub.AnalyzeStack(found.stack)]
    return [runner.reported(diagnostic) for response in responses for diagnostic in response.diagnostics]


def broken(stack: str, preview: bool = False) -> runner.Requests:
    """The pipeline's stack with something broken of every kind, so that there is what to compare."""
    found = copied(stack_requests(stack, preview))
    for request in (*found.resources, *found.stack.resources):
        if request.type == "aws:lambda/function:Function":
            request.properties["timeout"] = 600
            request.properties["environment"] = {"variables": {"DB_PASSWORD": "hunter2"}}
        if request.type == "aws:sqs/queue:Queue":
            request.properties["sqsManagedSseEnabled"] = False
    return found


@pytest.fixture(scope="module")
def stub() -> Iterator[Any]:
    with pack() as made:
        yield made


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
@pytest.mark.parametrize("stack", ["sandbox", "dev", "staging", "prod"])
def test_the_runner_reports_what_the_pack_reports(stub: Any, stack: str, preview: bool) -> None:
    found = broken(stack, preview)
    configure(stub, stack)
    reported = over_the_wire(stub, found)
    assert reported == runner.check(RULES, found, stack, CONFIG)
    assert {"lambda-timeout-bounds", "lambda-function-budget", "sqs-encrypted"} <= {v.rule for v in reported}
    assert Level.MANDATORY in {v.level for v in reported}


def test_the_engine_sees_every_rule_with_its_level_schema_and_kind(stub: Any) -> None:
    configure(stub, "staging")
    info = stub.GetAnalyzerInfo(Empty())
    assert (info.name, info.supportsConfig) == (NAME, True)
    assert [policy.name for policy in info.policies] == [rule.name for rule in RULES]
    for policy, rule in zip(info.policies, RULES, strict=True):
        assert policy.enforcementLevel == LEVELS[rule.levels["staging"].value]
        kind = analyzer_pb2.POLICY_TYPE_STACK if isinstance(rule, StackRule) else analyzer_pb2.POLICY_TYPE_RESOURCE
        assert policy.policy_type == kind
        assert set(policy.configSchema.properties) == set(rule.options)
        assert (policy.description, policy.remediation_steps, policy.url) == (rule.holds, rule.fix, rule.reference)


def test_a_users_config_comes_over_the_packs_own(stub: Any) -> None:
    found = broken("dev")
    overrides = {
        "lambda-memory-bounds": {"maximum": 1024},
        "lambda-env-no-secret": {"enforcementLevel": "disabled"},
        "sqs-encrypted": {"enforcementLevel": "mandatory"},
    }
    configure(stub, "dev", overrides)
    levels = {violation.rule: violation.level for violation in over_the_wire(stub, found)}
    assert levels["lambda-memory-bounds"] is Level.MANDATORY
    assert levels["sqs-encrypted"] is Level.MANDATORY
    assert "lambda-env-no-secret" not in levels


def test_an_environment_in_the_config_brings_its_profile(stub: Any) -> None:
    found = broken("dev")
    configure(stub, "dev", {"policy-settings": {"environment": "prod"}})
    levels = {violation.rule: violation.level for violation in over_the_wire(stub, found)}
    assert levels["sqs-encrypted"] is Level.MANDATORY
    assert levels["log-retention"] is Level.MANDATORY


def test_a_wrong_config_is_refused_with_what_is_allowed(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        configure(stub, "dev", {"lambda-memory-bounds": {"maxmum": 1024}})
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "the option 'maxmum' is unknown; is 'maximum' meant?" in raised.value.details()


def test_a_misspelt_rule_is_refused(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        configure(stub, "dev", {"lambda-memory-bound": {}})
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "there is no rule 'lambda-memory-bound'; is 'lambda-memory-bounds' meant?" in raised.value.details()


def test_another_project_is_judged_by_the_defaults_and_not_by_this_ones_budgets() -> None:
    found = broken("prod")
    with pack() as stub:
        configure(stub, "prod", project="shop")
        assert dict(stub.GetAnalyzerInfo(Empty()).initialConfig) == {}
        rules = {violation.rule for violation in over_the_wire(stub, found)}
    assert "lambda-timeout-bounds" in rules
    assert "lambda-function-budget" not in rules


def test_a_folder_for_other_repositories_runs_all_rules(tmp_path: Path) -> None:
    scaffold.write(tmp_path / "policies")
    found = broken("prod")
    with pack("policies", tmp_path) as stub:
        configure(stub, "prod", project="shop")
        assert over_the_wire(stub, found) == runner.check(RULES, found, "prod")


def test_a_folder_with_a_misspelt_rule_does_not_start(tmp_path: Path) -> None:
    scaffold.write(tmp_path / "policies")
    (tmp_path / "policies" / "config.json").write_text('{"lambda-arm": "advisory"}')
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "policies"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "there is no rule 'lambda-arm'; is 'lambda-arm64' meant?" in done.stdout + done.stderr


def test_the_engine_may_start_the_pack_in_its_own_folder() -> None:
    with pack(".", ROOT / "policies") as started:
        assert len(started.GetAnalyzerInfo(Empty()).policies) == len(RULES)
