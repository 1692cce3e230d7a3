"""The page of measurements is made of its data, and what the measurements say is what they saw."""

import importlib.util
import json
import re

import pytest

from bench.catalogue import BENCHES, Bench
from bench.machine import work
from bench.memory import Sample, growth
from bench.page import DATA, PLOTS, files


def test_page_and_plots_are_those_of_the_data() -> None:
    made = files(json.loads(DATA.read_text()))
    assert {path: path.read_text() for path in made} == made
    assert set(PLOTS.iterdir()) == {path for path in made if path.parent == PLOTS}


def test_plots_hold_no_scripts_and_load_nothing() -> None:
    for plot in PLOTS.iterdir():
        text = plot.read_text()
        assert "<script" not in text
        assert not re.search(r"""(href|src)=["']http""", text)


@pytest.mark.parametrize("bench", BENCHES, ids=lambda bench: bench.name)
def test_each_measurement_has_a_module(bench: Bench) -> None:
    assert importlib.util.find_spec(f"bench.{bench.name}") is not None


def test_the_machines_piece_of_work_is_the_same_everywhere() -> None:
    # Another one could not be compared with what was measured before.
    assert work() == "ac2d8e1db74f7572c482961cd0d8e6291873266650ac8452a38b94d1e1b7612a"


def test_growth_is_that_of_the_second_half_over_the_first_without_its_begin() -> None:
    grows = [Sample(orders, 100 + orders, 50, 10) for orders in range(0, 1001, 50)]
    assert growth(grows, 1000) == {"megabytes": 1100 / 600, "descriptors": 1, "threads": 1}
    begins = [Sample(10, 1, 1, 1), Sample(300, 200, 40, 20), Sample(900, 200, 40, 20)]
    assert growth(begins, 1000) == {"megabytes": 1, "descriptors": 1, "threads": 1}
    with pytest.raises(SystemExit, match="too few samples"):
        growth(begins[:2], 1000)
