"""The policy pack, as the engine starts it: ``pulumi preview --policy-pack policies``.

``config.json`` is for the program beside this folder alone; every other project is judged by the rules' defaults.
"""

import json
from pathlib import Path

import yaml
from eda_policies.analyzer import serve
from eda_policies.rules import RULES

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    project = yaml.safe_load((HERE.parent / "Pulumi.yaml").read_text())["name"]
    serve(RULES, json.loads((HERE / "config.json").read_text()), project)
