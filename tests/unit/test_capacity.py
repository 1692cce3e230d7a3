"""What an order does is counted in the stack, what an account serves follows from quotas, and the page from both."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import capacity, documents, quotas, workload
from pipeline.capacity import REGIONS, needs, peak
from pipeline.quotas import Quota
from pipeline.workload import NoPathError, Order, path

QUOTAS = [found for found in vars(quotas).values() if isinstance(found, Quota)]


@pytest.fixture
def order() -> Order:
    return workload.order(documents.recording("prod"))


def page() -> str:
    recordings = {name: documents.recording(name) for name in documents.ENVIRONMENTS}
    return capacity.page(recordings, documents.settings())


def test_every_quota_has_a_page_and_at_most_one_has_its_code() -> None:
    assert all(found.source.startswith("docs.aws.amazon.com/") and found.default > 0 for found in QUOTAS)
    codes = [found.code for found in QUOTAS if found.code]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("L-[0-9A-F]{8}", code) for code in codes)


@pytest.mark.parametrize("environment", documents.ENVIRONMENTS)
def test_an_order_does_the_same_in_every_environment(environment: str, order: Order) -> None:
    assert workload.order(documents.recording(environment)) == order


def test_an_orders_writes_are_those_of_its_three_statuses_and_its_admission(order: Order) -> None:
    assert (order.table_writes, order.changes, order.waits, order.log_calls) == (4, 3, 1, 1)
    # Put, PENDING and AWAITING_DETAILS (each out and in again, as updated_at sorts it), out.
    assert order.index_writes == 1 + 2 + 2 + 1


@given(before=st.integers(0, 8), detour=st.integers(1, 8))
def test_the_way_is_the_shortest_one_that_passes_what_it_must_and_no_failure(before: int, detour: int) -> None:
    states: dict[str, Any] = {f"P{n}": {"Type": "Pass", "Next": f"P{n + 1}"} for n in range(before)}
    states[f"P{before}"] = {"Type": "Choice", "Choices": [{"Next": "Shortcut"}], "Default": "D1"}
    states["Shortcut"] = {"Type": "Succeed"}
    states |= {f"D{n}": {"Type": "Pass", "Next": f"D{n + 1}"} for n in range(1, detour)}
    states[f"D{detour}"] = {"Type": "Pass", "Next": "Wait"}
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Shortcut"}]
    states["Wait"] = {"Type": "Task", "Resource": "x.waitForTaskToken", "Catch": caught, "Next": "Written"}
    states["Written"] = {"Type": "Pass", "End": True}
    definition = {"StartAt": "P0", "States": states}
    assert len(path(definition)) == before + 2
    assert len(path(definition, ".waitForTaskToken")) == before + 1 + detour + 2
    with pytest.raises(NoPathError, match=r"passes \.sync"):
        path(definition, ".sync")


@given(value=st.floats(1, 1e9), index=st.integers(0, 12))
def test_what_is_served_fits_and_one_more_does_not(value: float, index: int) -> None:
    need = needs(Order(12, 4, 6, 3, 1, 1))[index]
    served = need.serves(value)
    assert served == 0 or need.amount(served) <= value
    assert need.amount(served + 1) > value


def test_prod_lets_in_what_the_defaults_of_its_region_serve(order: Order) -> None:
    settings = documents.settings()["prod"]
    region = documents.config("prod")["aws:region"]
    rate, limiting = peak(needs(order), lambda quota: quota.of(region))
    assert limiting.quota is quotas.TRANSITION_RATE
    assert settings.order_rate_limit == rate == 800 // order.transitions
    assert settings.throttling_rate_limit == rate * workload.READS
    made = documents.recording("prod").of("aws:apigateway/methodSettings:MethodSettings").values()
    limits = {found.inputs["methodPath"]: found.inputs["settings"]["throttlingRateLimit"] for found in made}
    assert limits["~1orders/POST"] == limits["~1orders~1{order_id}~1details/POST"] == rate
    assert limits["*/*"] == rate * workload.READS


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_every_other_environment_lets_in_less_than_that(environment: str, order: Order) -> None:
    rate, _ = peak(needs(order), lambda quota: quota.of(REGIONS[0]))
    assert documents.settings()[environment].order_rate_limit <= rate


def test_the_page_follows_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "serve **66 orders a second**" in page()
    assert "| workflow | state transitions a second | 12 | **1,200** | **120,000** | 800 | 66 | 5,000 | 416 |" in page()
    raised = Quota("states", "raised", 1_200, quotas.TRANSITION_RATE.source, quotas.TRANSITION_RATE.code)
    monkeypatch.setattr(quotas, "TRANSITION_RATE", raised)
    assert "| workflow | state transitions a second | 12 | 1,200 | **120,000** | 1,200 | 100 | 1,200 | 100 |" in page()
    assert "- **100**: workflow, state transitions a second." in page()


def test_the_page_says_where_each_need_changes_the_design(order: Order) -> None:
    text = page()
    assert all(need.beyond in text and need.quota.source in text for need in needs(order))
    changes = [int(found.replace(",", "")) for found in re.findall(r"^- \*\*([\d,]+)", text, re.MULTILINE)]
    assert changes == sorted(changes)
    assert len(changes) == len(needs(order))
