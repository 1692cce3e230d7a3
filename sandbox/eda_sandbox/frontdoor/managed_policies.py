"""Policies that AWS manages and the emulator does not have, for the services that the sandbox offers.

Their documents, beside this file, are those of the AWS Managed Policy Reference.
"""

import json
from importlib import resources
from typing import Any

from ministack.services import iam as emulated

PREFIX = "arn:aws:iam::aws:policy/"
_SEED = emulated._seed_aws_managed_policies


def install() -> None:
    """Let the emulator begin with the policies, as with its own."""
    replaced: Any = emulated
    replaced._seed_aws_managed_policies = _seed
    _seed()


def _seed() -> None:
    _SEED()
    text = resources.files(__package__).joinpath("managed_policies.json").read_text()
    for name, document in json.loads(text).items():
        emulated._aws_managed_policies[PREFIX + name] = emulated._make_aws_managed_record(name, json.dumps(document))
