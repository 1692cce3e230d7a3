"""The policy pack, as the engine starts it: ``pulumi preview --policy-pack policies``.

``config.json`` is for the program beside this folder alone; every other project is judged by the rules' defaults.
"""

import json
from pathlib import Path

import yaml
from eda_policies.analyzer import serve
from eda_policies.rules import RULES

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parent / "Pulumi.yaml"

if __name__ == "__main__":
    if PROGRAM.exists():
        serve(RULES, json.loads((HERE / "config.json").read_text()), yaml.safe_load(PROGRAM.read_text())["name"])
    else:
        serve(RULES)
