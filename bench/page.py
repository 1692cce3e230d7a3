"""The page of measurements and its plots, from the data that ``python -m bench`` keeps.

The same data give the same bytes: nothing of the machine or the time that draws is in them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pygal  # type: ignore[import-untyped]  # it has no types
from pygal.style import Style  # type: ignore[import-untyped]  # it has no types

from bench.catalogue import BENCHES, Bench

ROOT = Path(__file__).parents[1]
DATA = ROOT / "docs" / "explanation" / "benchmarks.json"
PAGE = ROOT / "docs" / "explanation" / "benchmarks.md"
PLOTS = ROOT / "docs" / "explanation" / "benchmarks"
_INK, _BAR, _BASE = "#24292f", "#2f6f9f", "#b0b8c0"
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground=_INK,
    foreground_strong=_INK,
    foreground_subtle=_BASE,
    guide_stroke_color=_BASE,
    major_guide_stroke_color=_BASE,
    colors=(_BAR, "#c0662b", "#4f8a4f"),
    font_family="sans-serif",
    label_font_size=12,
    major_label_font_size=12,
    value_font_size=12,
    title_font_size=14,
    legend_font_size=12,
)
_HEAD = """# Measurements

Made by `python -m bench`, which runs every measurement and keeps its data in [benchmarks.json](benchmarks.json);
`python -m bench --draw` makes this page of them anew, and `--only NAME` measures one again. Each figure is a ratio to a
baseline that was measured in the same run, in turns, so that a slow moment hits both; less is better. Seconds depend on
the machine:
"""


def files(data: Mapping[str, Any]) -> dict[Path, str]:
    """The page and its plots, by where they lie.

    Args:
        data: as ``python -m bench`` keeps it.
    """
    found = {PAGE: "\n".join(_lines(data))}
    for bench, document in _measured(data):
        found[_plot(bench.name)] = _bars(bench, document)
        if "curve" in document:
            found[_plot(f"{bench.name}-megabytes")] = _curve(document["curve"], ("megabytes",), "MB resident")
            found[_plot(f"{bench.name}-handles")] = _curve(
                document["curve"], ("descriptors", "threads"), "open files and threads"
            )
    return found


def _measured(data: Mapping[str, Any]) -> Iterator[tuple[Bench, Mapping[str, Any]]]:
    for bench in BENCHES:
        if bench.name in data["benches"]:
            yield bench, data["benches"][bench.name]


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield _HEAD
    yield "| machine | seconds of `python -m bench.machine` |"
    yield "|---|---|"
    for name, seconds in _machines(data):
        yield f"| {name} | {seconds} |"
    yield ""
    yield "The share of a core that this work got; below 0.9 other programs ran, and figures are less exact:"
    shares = {bench.name: document["machine"]["share"] for bench, document in _measured(data)}
    yield ", ".join(f"{name} {share:g}" for name, share in shares.items()) + "."
    for bench, document in _measured(data):
        yield ""
        yield f"## {bench.title}"
        yield ""
        yield f"{bench.says} Baseline: {document['baseline']}."
        yield ""
        yield f"![{bench.title}, as ratios](benchmarks/{bench.name}.svg)"
        yield ""
        yield "| | ratio |"
        yield "|---|---|"
        for name, ratio in document["ratios"].items():
            yield f"| {name} | {ratio:.2f} |"
        if "curve" in document:
            for kind in ("megabytes", "handles"):
                yield ""
                yield f"![{bench.title}: {kind} by orders](benchmarks/{bench.name}-{kind}.svg)"
        yield ""
        yield f"`python -m bench.{bench.name}`"
    yield ""


def _machines(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Machines, and the seconds of the fixed piece of work right before what was measured on each."""
    found: dict[str, list[float]] = {}
    for _, document in _measured(data):
        machine = document["machine"]
        name = f"{machine['cores']} cores, {machine['machine']}, Python {machine['python']}"
        found.setdefault(name, []).append(machine["seconds"])
    for name, seconds in found.items():
        least, most = f"{min(seconds):.2f}", f"{max(seconds):.2f}"
        yield name, least if least == most else f"{least} to {most}"


def _plot(name: str) -> Path:
    return PLOTS / f"{name}.svg"


def _bars(bench: Bench, document: Mapping[str, Any]) -> str:
    ratios: dict[str, float] = document["ratios"]
    chart = pygal.HorizontalBar(
        **_options(),
        show_legend=False,
        height=90 + 26 * (len(ratios) + 1),
        print_values=True,
        logarithmic=_wide(ratios),
    )
    chart.title = f"{bench.title}: ratios to {document['baseline']}"
    # The first one is at the bottom.
    names = ["baseline", *reversed(ratios)]
    chart.x_labels = names
    bars = [{"value": ratios.get(name, 1.0), "color": _BAR if name in ratios else _BASE} for name in names]
    chart.add("ratio", bars, formatter=lambda value: f"{value:.2f}")
    return _text(chart)


def _wide(ratios: Mapping[str, float]) -> bool:
    return max(ratios.values()) > 20 * min(ratios.values())


def _curve(curve: list[dict[str, float]], names: tuple[str, ...], title: str) -> str:
    chart = pygal.XY(
        **_options(), height=300, show_dots=False, range=(0, 1.1 * max(each[n] for each in curve for n in names))
    )
    chart.title = f"{title}, by orders sent"
    chart.x_title = "orders"
    for name in names:
        chart.add(name, [(each["orders"], each[name]) for each in curve])
    return _text(chart)


def _options() -> dict[str, Any]:
    # Without a prefix, which is drawn by lot, and without scripts from elsewhere.
    return {"no_prefix": True, "js": [], "style": _STYLE, "width": 760, "legend_at_bottom": True}


def _text(chart: Any) -> str:
    root = chart.render_tree()
    # pygal adds the day, and a script that only its own pages need.
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag == "script":
                parent.remove(child)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
