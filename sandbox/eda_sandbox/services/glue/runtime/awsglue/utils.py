"""A job's arguments."""

import argparse
from typing import Any


class GlueArgumentError(Exception):
    """An argument is missing."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise GlueArgumentError(message)


def getResolvedOptions(args: list[str], options: list[str]) -> dict[str, str]:  # noqa: N802, RUF100 - Glue's name
    """The values of the named arguments; others are left alone.

    Args:
        args: ``sys.argv``.
        options: names, without the two hyphens.

    Raises:
        GlueArgumentError: one is missing.
    """
    parser = _Parser(allow_abbrev=False, add_help=False)
    for option in options:
        parser.add_argument(f"--{option}", required=True, dest=option)
    return vars(parser.parse_known_args(args[1:])[0])
