"""The site of all pages: ``python -m pipeline.site`` gathers and builds it, and fails where a link leads nowhere.

Pages keep their places in the repository, so that their links hold there and here. What lies outside ``docs`` comes
along as far as a page leads to it. The reference of the Python packages is made of their docstrings.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".cache" / "site"
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
PACKAGES = {
    "pulumi_aws_eda": "The components",
    "pulumi_aws_eda.testing": "Programs under mocks that record",
    "pulumi_aws_eda.archives": "Archives of code",
    "eda_runtime.callbacks": "Callbacks",
    "eda_runtime.claim_check": "Big payloads",
    "eda_runtime.consumer_cache": "The consumers' cache",
    "eda_runtime.envelope": "The envelope",
    "eda_runtime.http": "HTTP",
    "eda_runtime.idempotency": "Idempotency",
    "eda_runtime.logger": "Logs",
    "eda_runtime.metrics": "Metrics",
    "eda_runtime.producer_client": "A producer's client",
    "eda_runtime.settings": "Settings",
    "eda_sandbox.embedded": "The embedded AWS",
    "eda_sandbox.provider.deploy": "Deploying a program there",
    "eda_sandbox.frontdoor.faults": "Faults",
    "eda_sandbox.pytest_plugin": "The fixture",
}
"""Modules with a page of their docstrings, and its title."""
SECTIONS = {
    "How to": "docs/how-to",
    "Explanation": "docs/explanation",
    "Components": "docs/reference",
    "Python": "docs/python",
    "Policies": "docs/policies",
    "Runbooks": "docs/runbooks",
    "Decisions": "docs/decisions",
}
FIRST = ("README.md", "docs/index.md", "docs/tutorial.md", "examples/README.md")
MODULE = """\
# {title}

::: {module}
"""


def main() -> int:
    """Gather, build, and check; the exit code of the build."""
    shutil.rmtree(BUILD, ignore_errors=True)
    pages = BUILD / "pages"
    for file in sorted(gathered()):
        target = pages / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    for module, title in PACKAGES.items():
        target = pages / "docs" / "python" / f"{module}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(MODULE.format(module=module, title=title))
    (BUILD / "mkdocs.yml").write_text(yaml.dump(settings(pages), sort_keys=False))
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", "mkdocs.yml"],
        cwd=BUILD,
        check=False,
    )
    if done.returncode == 0:
        print(f"{(BUILD / 'site' / 'index.html').relative_to(ROOT)} is the first page")
    return done.returncode


def gathered() -> set[Path]:
    """The pages, and the files that they lead to."""
    todo, seen = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")], set[Path]()
    while todo:
        page = todo.pop()
        if page not in seen:
            seen.add(page)
            todo += links(page) if page.suffix == ".md" else []
    return seen


def links(page: Path) -> Iterator[Path]:
    """The files of the repository that a page leads to; of a folder its README."""
    for found in _LINK.findall(page.read_text()):
        link = (found[0] or found[1]).partition("#")[0]
        target = (page.parent / link).resolve()
        if link and "://" not in link and target.is_relative_to(ROOT):
            if target.is_dir():
                target /= "README.md"
            if target.is_file():
                yield target


def settings(pages: Path) -> dict[str, object]:
    """What the builder is told.

    Args:
        pages: the gathered pages.
    """
    sections = {
        title: sorted(str(file.relative_to(pages)) for file in (pages / folder).glob("*.md"))
        for title, folder in SECTIONS.items()
    }
    listed = {*FIRST, *(page for found in sections.values() for page in found)}
    rest = sorted(str(file.relative_to(pages)) for file in pages.rglob("*.md"))
    return {
        "site_name": "Event-driven systems on AWS, in Python",
        "docs_dir": "pages",
        "site_dir": "site",
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            # Nothing is fetched for the text itself.
            "font": False,
            "features": [
                "navigation.tabs",
                "navigation.indexes",
                "navigation.top",
                "search.highlight",
                "content.code.copy",
            ],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default"},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate"},
            ],
        },
        "plugins": [
            "search",
            {
                "mkdocstrings": {
                    "handlers": {
                        "python": {
                            "paths": [str(ROOT / name) for name in ("components", "sandbox", "policies")],
                            "options": {
                                "docstring_style": "google",
                                "show_source": False,
                                "show_root_toc_entry": False,
                            },
                        }
                    }
                }
            },
        ],
        "markdown_extensions": [
            "tables",
            "attr_list",
            {"toc": {"permalink": True}},
            {"pymdownx.highlight": {"anchor_linenums": True}},
            "pymdownx.inlinehilite",
            {"pymdownx.superfences": {"custom_fences": [{"name": "mermaid", "class": "mermaid"}]}},
        ],
        "nav": [
            {"Start": list(FIRST)},
            {"The pipeline": [page for page in rest if page not in listed and page.startswith("docs/")]},
            *({title: found} for title, found in sections.items()),
            {"Parts": [page for page in rest if page not in listed and not page.startswith("docs/")]},
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
