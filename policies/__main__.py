"""The policy pack, as the engine starts it: ``pulumi preview --policy-pack policies``."""

import json
from pathlib import Path

from eda_policies.analyzer import serve
from eda_policies.rules import RULES

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    serve(RULES, json.loads((HERE / "config.json").read_text()))
