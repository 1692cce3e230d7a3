"""The page of measurements is made of its data, and of nothing else."""

import importlib.util
import json
import re

import pytest

from bench.catalogue import BENCHES, Bench
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
