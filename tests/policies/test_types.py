"""The types that rules are for are those of the provider: a misspelt token would switch a rule off."""

import re
from pathlib import Path

import pulumi_aws
import pytest
from eda_policies.rules.stack import TAGGABLE

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = Path(pulumi_aws.__file__).parent
TOKENS = sorted(
    {
        token
        for file in (ROOT / "policies" / "eda_policies").rglob("*.py")
        if file.name != "recording.py"  # it names what a program asks, not what it makes
        for token in re.findall(r'"(aws:\w+/\w+:\w+)"', file.read_text())
    }
)


def source(token: str) -> str:
    """The provider's source of a type."""
    module, _, kind = token.removeprefix("aws:").partition(":")
    service, _, name = module.partition("/")
    folder = {"lambda": "lambda_"}.get(service, service)
    file = PROVIDER / folder / f"{re.sub('([A-Z])', lambda m: '_' + m[1].lower(), name)}.py"
    text = file.read_text()
    assert f"class {kind}(pulumi.CustomResource)" in text
    return text


@pytest.mark.parametrize("token", TOKENS)
def test_a_type_is_one_of_the_provider(token: str) -> None:
    assert f'"{token}"' in source(token) or f"'{token}'" in source(token)


@pytest.mark.parametrize("token", TAGGABLE)
def test_a_type_that_has_to_be_tagged_takes_tags(token: str) -> None:
    assert "def tags(self)" in source(token)


def test_there_are_types() -> None:
    assert len(TOKENS) > 60
