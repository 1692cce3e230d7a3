"""The embedded AWS with the provider and the external API, for Pulumi's own commands."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.server import serve
from pipeline.demo.external_api import ExternalApi, external_api

EXTERNAL_API_URL = "SANDBOX_EXTERNAL_API_URL"
"""Tells a command that runs beside the sandbox where the external API is."""


MIXED = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
"""What of a real account must not mix with the sandbox's credentials."""


@dataclass(frozen=True)
class Session:
    """What runs while the ``with`` block lasts.

    Attributes:
        aws: the embedded AWS.
        external: the external API that the reference pipeline calls.
        provider_port: where the provider listens on loopback.
    """

    aws: Sandbox
    external: ExternalApi
    provider_port: int

    def environment(self) -> dict[str, str]:
        """What lets the engine and AWS's tools find all of it."""
        return {
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.provider_port}",
            EXTERNAL_API_URL: self.external.url,
        }


@contextlib.contextmanager
def session(speed: float = 20, elements: int = 2_000, port: int = 0, provider_port: int = 0) -> Iterator[Session]:
    """Run the embedded AWS, the provider and the external API for the time of a ``with`` block.

    Args:
        speed: AWS seconds in one real second, 1 or more.
        elements: length of the external API's answer.
        port: of the embedded AWS on loopback; 0 takes a free one.
        provider_port: of the provider; 0 takes a free one.

    Raises:
        SandboxError: a port cannot be had, or an embedded AWS runs in this process already.
    """
    with (
        _without_account(),
        embedded_aws(speed, port=port) as aws,
        external_api(elements) as external,
        serve(aws.cloud, provider_port) as bound,
    ):
        yield Session(aws, external, bound)


@contextlib.contextmanager
def _without_account() -> Iterator[None]:
    taken = {name: os.environ.pop(name) for name in MIXED if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


@contextlib.contextmanager
def command_environment(running: Session, given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a command that works with the sandbox alone, never with an account.

    Args:
        running: what runs.
        given: the caller's own environment; where it names Pulumi's backend, home or passphrase, they are kept.

    Yields:
        The environment; a backend of the sandbox's own is removed at the end, because its stacks end with the sandbox.
    """
    with tempfile.TemporaryDirectory(prefix="aws-eda-pulumi-") as folder:
        home = Path(folder)
        # The engine's plugins are shared; which stack is selected in a project's folder is not.
        plugins = Path(given.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
        if plugins.is_dir():
            (home / "plugins").symlink_to(plugins.resolve())
        defaults = {
            "PULUMI_BACKEND_URL": home.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": folder,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if "PULUMI_CONFIG_PASSPHRASE_FILE" in given:
            del defaults["PULUMI_CONFIG_PASSPHRASE"]
        kept = {
            name: value
            for name, value in given.items()
            # A variable that is set to nothing is not given.
            if name not in MIXED and not name.startswith("AWS_ENDPOINT") and (value or name not in defaults)
        }
        yield {**defaults, **kept, **running.environment()}
