"""An embedded AWS in one process, for trying and testing stacks: no account, no network, no Docker.

    from eda_sandbox import Fault, FaultKind, deploy, embedded_aws

What is named here is loaded when it is first used: pytest imports this package in every run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eda_sandbox.embedded import Sandbox as Sandbox
    from eda_sandbox.embedded import embedded_aws as embedded_aws
    from eda_sandbox.foundation.errors import SandboxError as SandboxError
    from eda_sandbox.frontdoor.faults import Fault as Fault
    from eda_sandbox.frontdoor.faults import FaultKind as FaultKind
    from eda_sandbox.provider.deploy import Stack as Stack
    from eda_sandbox.provider.deploy import deploy as deploy

_MODULES = {
    "Fault": "frontdoor.faults",
    "FaultKind": "frontdoor.faults",
    "Sandbox": "embedded",
    "SandboxError": "foundation.errors",
    "Stack": "provider.deploy",
    "deploy": "provider.deploy",
    "embedded_aws": "embedded",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
