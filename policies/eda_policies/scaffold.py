"""A folder that the engine runs as a policy pack, for programs in other repositories."""

from pathlib import Path

_FILES = {
    "PulumiPolicy.yaml": """\
description: Good practice for event-driven systems on AWS, checked over the whole stack
# The engine starts the pack with the python3 that it finds first: activate the environment that has
# pulumi-aws-eda-policies, or name it here, from this folder:
# runtime: {name: python, options: {virtualenv: ../.venv}}
runtime: python
""",
    "__main__.py": '''\
"""The policy pack: ``pulumi preview --policy-pack <this folder>``."""

import json
from pathlib import Path

from eda_policies.analyzer import serve
from eda_policies.rules import RULES

serve(RULES, json.loads((Path(__file__).parent / "config.json").read_text()))
''',
    "requirements.txt": "pulumi-aws-eda-policies\n",
    "config.json": "{}\n",
}


def write(folder: Path) -> list[Path]:
    """Write the folder; a file that is there already stays as it is.

    Args:
        folder: where.

    Returns:
        What was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / name for name in _FILES if not (folder / name).exists()]
    for file in made:
        file.write_text(_FILES[file.name])
    return made
