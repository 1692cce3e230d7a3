"""The site has every page once, and what pages lead to."""

import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline import site

ROOT = Path(__file__).parents[2]


def listed(nav: Any) -> list[str]:
    match nav:
        case dict():
            return [page for found in nav.values() for page in listed(found)]
        case list():
            return [page for found in nav for page in listed(found)]
    return [nav]


def test_every_page_is_listed_once(tmp_path: Path) -> None:
    for file in site.gathered():
        target = tmp_path / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    pages = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.md")}
    assert {"README.md", "docs/tutorial.md", "sandbox/README.md", "docs/decisions/0001-sandbox-services.md"} <= pages
    counts = Counter(listed(site.settings(tmp_path)["nav"]))
    assert counts == Counter(pages)


def test_what_pages_lead_to_comes_along() -> None:
    found = {str(file.relative_to(ROOT)) for file in site.gathered()}
    assert {"docs/openapi.json", "tests/integration/test_examples.py", "LICENSE"} <= found


def test_the_modules_with_a_page_are_there() -> None:
    assert all(find_spec(module) is not None for module in site.PACKAGES)
