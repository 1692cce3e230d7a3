"""The layers of functions: one of each kind for a program and provider."""

import asyncio
from collections.abc import Callable

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.runtime import set_mocks, settings
from pulumi.runtime.stack import wait_for_rpcs
from pulumi_aws_eda import CallbackWorkflow, IdempotentLambda, defaults
from pulumi_aws_eda.testing import Recording, RecordingMocks, _Monitor, record

from tests.unit.component_cases import CASES, CODE, FUNCTION

LAMBDA = "aws:lambda/function:Function"
LAYER = "aws:lambda/layerVersion:LayerVersion"


def function(name: str, **options: object) -> None:
    IdempotentLambda(name, {"code": CODE}, pulumi.ResourceOptions(**options))  # type: ignore[arg-type]  # of a test


def workflow(name: str) -> None:
    CallbackWorkflow(name, {"call_function_arn": FUNCTION, "table_name": "t", "table_arn": "arn:t"})


def one_after_another(*makes: Callable[[], None]) -> Recording:
    def program() -> None:
        for make in makes:
            make()

    return record(program)


def layers(made: Recording) -> list[str]:
    return sorted(found.name for found in made.resources if found.type == LAYER)


def urns(made: Recording) -> list[str]:
    return sorted(answer.urn for request, answer in made.registrations if request.type == LAYER)


def test_all_functions_of_a_program_have_the_same_two_layers() -> None:
    made = one_after_another(*CASES.values())
    assert layers(made) == ["eda-powertools", "eda-runtime"]
    functions = [found for found in made.resources if found.type == LAMBDA]
    assert len(functions) > 5
    arns = [f"arn:aws:lambda:eu-central-1:123456789012:layerversion/eda-{kind}" for kind in ("runtime", "powertools")]
    assert all(found.inputs["layers"] == arns for found in functions)
    assert {made.one(LAYER, name).inputs["layerName"] for name in layers(made)} == {
        "project-test-eda-runtime",
        "project-test-eda-powertools",
    }


def test_a_layer_is_the_same_resource_whichever_function_is_first() -> None:
    here = one_after_another(lambda: function("a"), lambda: workflow("b"))
    there = one_after_another(lambda: workflow("b"), lambda: function("a"))
    assert urns(here) == urns(there)
    assert all(f"pulumi:pulumi:Stack${LAYER}::eda-" in urn for urn in urns(here))


def test_a_function_inside_another_component_uses_the_programs_layers() -> None:
    made = one_after_another(lambda: function("a"), lambda: workflow("b"))
    assert layers(made) == ["eda-powertools", "eda-runtime"]
    alone, inside = (made.one(LAMBDA, name).inputs["layers"] for name in ("a-function", "b-token-keeper-function"))
    assert alone == inside


def test_each_explicit_provider_has_layers_of_its_own() -> None:
    def program() -> None:
        other = aws.Provider("dublin", region="eu-west-1")
        function("a")
        function("b", provider=other)
        function("c", providers=[other])
        pulumi.export("provider", other.urn)

    made = record(program)
    own = ["eda-powertools", "eda-powertools-dublin", "eda-runtime", "eda-runtime-dublin"]
    assert layers(made) == own
    used = {name: [arn.rpartition("/")[2] for arn in found.inputs["layers"]] for name, found in made.of(LAMBDA).items()}
    there = ["eda-runtime-dublin", "eda-powertools-dublin"]
    assert used == {"a-function": ["eda-runtime", "eda-powertools"], "b-function": there, "c-function": there}
    providers = {request.name: request.provider for request, _ in made.registrations if request.type == LAYER}
    assert [providers[name].startswith(made.exports["provider"]) for name in own] == [False, True, False, True]


def test_each_run_in_a_process_makes_its_own() -> None:
    first, second = record(lambda: function("a")), record(lambda: function("b"))
    assert layers(first) == layers(second) == ["eda-powertools", "eda-runtime"]


def test_layers_that_are_published_elsewhere_are_not_made() -> None:
    args = {"runtime_layer_arn": "arn:runtime", "powertools_layer_arn": "arn:powertools"}
    made = record(lambda: IdempotentLambda("a", {"code": CODE, **args}))  # type: ignore[typeddict-item]  # of a test
    assert layers(made) == []
    assert made.one(LAMBDA).inputs["layers"] == ["arn:runtime", "arn:powertools"]


def test_layers_that_are_published_elsewhere_reach_functions_inside_components_as_defaults() -> None:
    made = one_after_another(lambda: defaults(runtime_layer_arn="arn:runtime"), lambda: workflow("b"))
    assert layers(made) == ["eda-powertools"]
    assert made.one(LAMBDA, "b-token-keeper-function").inputs["layers"][0] == "arn:runtime"


async def constructed(make: Callable[[], None]) -> Recording:
    """What a call of the plugin registers: it has its own monitor, and no stack."""
    mocks = RecordingMocks()
    set_mocks(mocks, project="project", stack="test", monitor=_Monitor(mocks))
    settings.ROOT.set(None)
    # The other call is in between.
    await asyncio.sleep(0)
    make()
    # Registrations are counted from their first step on.
    await asyncio.sleep(0)
    await wait_for_rpcs(await_all_outstanding_tasks=False)
    return mocks.recording


@pytest.mark.parametrize("make", [function, workflow])
def test_calls_of_the_plugin_that_overlap_share_nothing(make: Callable[[str], None]) -> None:
    async def both() -> tuple[Recording, Recording]:
        return await asyncio.gather(constructed(lambda: make("a")), constructed(lambda: make("b")))

    one, other = asyncio.run(both())
    assert layers(one) == ["a-powertools", "a-runtime"]
    assert layers(other) == ["b-powertools", "b-runtime"]
    assert not {*urns(one)} & {*urns(other)}


def test_a_call_of_the_plugin_makes_the_layers_once_for_the_component_it_is_asked_for() -> None:
    made = asyncio.run(constructed(CASES["AnalyticsChain"]))
    assert layers(made) == ["it-powertools", "it-runtime"]
    assert all(made.one(LAYER, name).parent.endswith("aws-eda:index:AnalyticsChain::it") for name in layers(made))
    used = {tuple(found.inputs["layers"]) for found in made.of(LAMBDA).values()}
    assert len(used) == 1
