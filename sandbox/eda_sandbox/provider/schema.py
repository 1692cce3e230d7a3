"""The schema of the types that the provider knows: what the engine writes programs by, and reads programs in YAML by.

The AWS provider's own schema is not installed with its SDK, but the SDK's classes say the same of each property.
"""

import functools
import importlib
import inspect
import json
from collections.abc import Iterable
from enum import Enum
from types import ModuleType
from typing import Any, get_args, get_origin

import pulumi

# The SDK's own reading of its classes; it has no public name.
from pulumi import _types

_SDK = "pulumi_aws"
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
_ASSETS = {pulumi.Archive: "pulumi.json#/Archive", pulumi.Asset: "pulumi.json#/Asset"}
_ANY = {"$ref": "pulumi.json#/Any"}


@functools.cache
def schema(version: str, tokens: tuple[str, ...]) -> str:
    """The schema as JSON; without types where the SDK is not installed: programs bring it themselves.

    Args:
        version: of the AWS provider.
        tokens: the types.
    """
    found: dict[str, Any] = {
        "name": "aws",
        "version": version,
        # The module of aws:sqs/queue:Queue is sqs.
        "meta": {"moduleFormat": "(.*)(?:/[^/]*)"},
        "language": {"python": {"packageName": _SDK}, "nodejs": {"packageName": "@pulumi/aws"}},
        "provider": {},
    }
    try:
        importlib.import_module(_SDK)
    except ImportError:
        return json.dumps(found)
    blocks: dict[str, Any] = {}
    found["resources"] = {token: _resource(token, blocks) for token in tokens}
    found["types"] = blocks
    return json.dumps(found)


def _resource(token: str, blocks: dict[str, Any]) -> dict[str, Any]:
    _, path, name = token.split(":")
    module = _module(path.partition("/")[0])
    resource = getattr(module, name)
    # Where a block of another resource has the name, the SDK calls the arguments so.
    arguments = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    inputs = _types.input_type_types(arguments)
    outputs = _types.resource_types(resource)
    return {
        "inputProperties": {each: _type(type, module, blocks) for each, type in inputs.items()},
        "requiredInputs": _required(arguments),
        "properties": {
            each: _type(inputs.get(each, type), module, blocks)
            for each, type in outputs.items()
            if each not in ("id", "urn")
        },
    }


def _module(service: str) -> ModuleType:
    # Python's word is no name of a module.
    return importlib.import_module(f"{_SDK}.{'lambda_' if service == 'lambda' else service}")


def _required(arguments: type) -> list[str]:
    spelt = _types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments.__init__).parameters.items()  # type: ignore[misc]  # of a class, as it is
    return [spelt[name] for name, parameter in parameters if name in spelt and parameter.default is parameter.empty]


def _type(type: Any, module: ModuleType, blocks: dict[str, Any]) -> dict[str, Any]:
    origin, within = get_origin(type), get_args(type)
    if origin is None and isinstance(type, _Class):
        if type in _SCALARS:
            return {"type": _SCALARS[type]}
        if type in _ASSETS:
            return {"$ref": _ASSETS[type]}
        if issubclass(type, Enum):
            return {"type": "string"}
        if _types.is_input_type(type) or _types.is_output_type(type):
            return {"$ref": f"#/types/{_block(type, module, blocks)}"}
        return _ANY
    if not within:
        return _ANY
    if origin is not None and isinstance(origin, _Class) and issubclass(origin, Iterable):
        kind = "array" if len(within) == 1 else "object"
        member = "items" if kind == "array" else "additionalProperties"
        return {"type": kind, member: _type(within[-1], module, blocks)}
    # A value, or what gives it later.
    return _type(within[0], module, blocks)


_Class = type


def _block(block: type, module: ModuleType, blocks: dict[str, Any]) -> str:
    name = block.__name__.removesuffix("Args")
    token = f"aws:{module.__name__.rpartition('.')[2].rstrip('_')}/{name}:{name}"
    if token not in blocks:
        described: dict[str, Any] = {"type": "object"}
        blocks[token] = described
        of = _types.input_type_types if _types.is_input_type(block) else _types.output_type_types
        described["properties"] = {each: _type(type, module, blocks) for each, type in of(block).items()}
        described["required"] = _required(block) if _types.is_input_type(block) else []
    return token
