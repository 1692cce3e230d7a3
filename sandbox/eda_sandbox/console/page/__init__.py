"""The page: its HTML around the scripts that lie in this folder, alive or as a recording in one file."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

from eda_sandbox.console.reading import as_json

FOLDER = Path(__file__).parent
_MODULES = {
    "console/main": "main.js",
    "console/charts": "charts.js",
    "console/dom": "dom.js",
    "console/drawing": "drawing.js",
    "console/live": "live.js",
    "console/panels": "panels.js",
    "console/recorded": "recorded.js",
    "console/states": "states.js",
    "vendor/chart": "vendor/chart.js",
    "vendor/dagre": "vendor/dagre.js",
}
"""The scripts by the names under which they import each other, so that they need no address."""


def live(nonce: str) -> str:
    """The page of a running console.

    Args:
        nonce: what the content security policy lets inline scripts run by.
    """
    imports = {name: f"/static/{file}" for name, file in _MODULES.items()}
    return _filled(
        style='<link rel="stylesheet" href="/static/style.css">',
        scripts=(
            f'<script type="importmap" nonce="{nonce}">{json.dumps({"imports": imports})}</script>'
            + "".join(f'<link rel="modulepreload" href="{imports[name]}">' for name in _FIRST)
            + f'<script type="module" nonce="{nonce}">import "console/main";</script>'
        ),
    )


def recorded(recording: dict[str, Any]) -> str:
    """One file that shows a run that is over, without anything else.

    Args:
        recording: what the scripts show instead of what a console tells.
    """
    imports = {name: _data_url(file) for name, file in _MODULES.items()}
    # Within a script nothing is escaped: what could end it must not be there.
    data = as_json(recording).replace("<", "\\u003c")
    policy = (
        "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _filled(
        style=f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{_text("style.css")}</style>',
        scripts=(
            f'<script type="application/json" id="recording">{data}</script>'
            f'<script type="importmap">{json.dumps({"imports": imports})}</script>'
            '<script type="module">import "console/main";</script>'
        ),
    )


_FIRST = ("console/main", "console/dom", "console/drawing", "console/live", "console/panels", "vendor/dagre")


def _filled(style: str, scripts: str) -> str:
    return _text("index.html").replace("<!-- style -->", style).replace("<!-- scripts -->", scripts)


def _data_url(file: str) -> str:
    return f"data:text/javascript;base64,{base64.b64encode((FOLDER / file).read_bytes()).decode()}"


@cache
def _text(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")
