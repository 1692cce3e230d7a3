"""Physical names: what AWS takes, whatever Pulumi does, and one name for each that was different."""

import re

import pulumi
from hypothesis import given
from hypothesis import strategies as st
from pulumi_aws_eda._parts import naming
from pulumi_aws_eda.testing import record

# What Pulumi takes as the name of a project (github.com/pulumi/pulumi, workspace.ValidateProjectName).
PROJECTS = st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=1, max_size=40)


def names(project: str, logical: str, limit: int = 64) -> dict[str, str]:
    def program() -> None:
        pulumi.export("plain", naming.physical_name(logical, limit))
        pulumi.export("lower", naming.lower_case_name(logical, limit))
        pulumi.export("glue", naming.lower_case_name(logical, limit, "_"))
        pulumi.export("prefix", naming.name_prefix(63))

    return dict(record(program, project=project).exports)


@given(PROJECTS, NAMES, st.sampled_from([32, 64, 80]))
def test_names_have_characters_and_length_that_services_take(project: str, logical: str, limit: int) -> None:
    made = names(project, logical, limit)
    assert re.fullmatch(f"[A-Za-z0-9_-]{{1,{limit}}}", made["plain"])
    assert re.fullmatch(f"[a-z0-9-]{{1,{limit}}}", made["lower"])
    assert re.fullmatch(f"[a-z0-9_]{{1,{limit}}}", made["glue"])
    assert made["plain"].startswith(made["prefix"][: limit - 9])


def test_plain_names_stay_as_they_are() -> None:
    assert names("orders", "get-order") == {
        "plain": "orders-test-get-order",
        "lower": "orders-test-get-order",
        "glue": "orders_test_get_order",
        "prefix": "orders-test-",
    }


def test_what_differs_in_a_replaced_character_keeps_names_of_its_own() -> None:
    for kind in ("plain", "lower", "glue"):
        assert len({names(project, "a")[kind] for project in ("my.app", "my-app")}) == 2
    for kind in ("lower", "glue"):
        assert len({names("p", logical)[kind] for logical in ("a_b", "a-b", "A-b")}) == 3


@given(NAMES, NAMES)
def test_no_two_logical_names_share_a_physical_one(one: str, other: str) -> None:
    made = [names("p", logical) for logical in (one, other)]
    for kind in ("plain", "lower", "glue"):
        assert (made[0][kind] == made[1][kind]) == (one == other)
