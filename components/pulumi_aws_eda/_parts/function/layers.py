"""The layers that each function has: one of each kind for a stack and provider."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.runtime import settings

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts import program
from pulumi_aws_eda._parts.common import Common
from pulumi_aws_eda._parts.naming import physical_name

_TYPE = "aws:lambda/layerVersion:LayerVersion"


def function_layers(common: Common, args: Mapping[str, Any]) -> list[pulumi.Input[str]]:
    """The ARNs of runtime and Powertools: those given (``runtime_layer_arn``, ``powertools_layer_arn``), or the
    stack's own, which are made for its first function."""
    runtime, powertools = args.get("runtime_layer_arn"), args.get("powertools_layer_arn")
    return [
        _shared(common, "runtime", archives.runtime_layer_archive, "eda_runtime") if runtime is None else runtime,
        _shared(common, "powertools", archives.powertools_layer_archive, "AWS Lambda Powertools")
        if powertools is None
        else powertools,
    ]


def _shared(common: Common, kind: str, archive: Callable[[], pulumi.Archive], description: str) -> pulumi.Output[str]:
    run, provider = program.current(), common.parent.get_provider(_TYPE)
    if (kind, provider) not in run.layers:
        name, options = _place(common, kind, provider)
        run.layers[kind, provider] = aws.lambda_.LayerVersion(
            name,
            layer_name=physical_name(name, 140),
            description=description,
            code=archive(),
            compatible_runtimes=["python3.11", "python3.12", "python3.13"],
            compatible_architectures=["arm64", "x86_64"],
            opts=options,
        )
    return run.layers[kind, provider].arn


def _place(common: Common, kind: str, provider: pulumi.ProviderResource | None) -> tuple[str, pulumi.ResourceOptions]:
    """Name and options, the same whichever function comes first."""
    if settings.get_root_resource() is None:
        # The plugin makes one component at a time and knows nothing of the stack's others, so its layers are that
        # component's, and their names have to differ from component to component.
        owner, name = program.current().first or (common.parent, common.name)
        return f"{name}-{kind}", pulumi.ResourceOptions(parent=owner)
    suffix = "" if provider is None else f"-{provider.pulumi_resource_name}"
    return f"eda-{kind}{suffix}", pulumi.ResourceOptions(provider=provider)
