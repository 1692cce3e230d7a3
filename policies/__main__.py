"""The policy pack for the engine (``pulumi preview --policy-pack policies``), and ``python -m policies``."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    # The engine runs this folder as a program, and its modules are those of the package.
    sys.path.insert(0, str(HERE.parent))
    if __package__:
        from eda_policies.command import app

        app(prog_name="python -m policies")
    else:
        from eda_policies.analyzer import serve
        from eda_policies.rules import RULES

        serve(RULES, json.loads((HERE / "config.json").read_text()))
