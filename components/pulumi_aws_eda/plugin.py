"""The components for every Pulumi language: the provider of the plugin ``aws-eda``, and its schema.

The schema is inferred from the components' types and docstrings. What the inference leaves out, the descriptions of
inherited arguments, is added here, and docstrings are written as Markdown with the names that the schema has.
"""

import ast
import collections.abc
import functools
import importlib.metadata
import inspect
import itertools
import json
import re
import sys
import textwrap
import typing
from typing import Any

import pulumi
from pulumi.errors import InputPropertyError
from pulumi.provider import main
from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider

import pulumi_aws_eda
from pulumi_aws_eda._parts.columns import ColumnArgs, Columns
from pulumi_aws_eda._parts.function.code import Code

NAME = "aws-eda"
NAMESPACE = "eda"
"""Without one, the SDK that Pulumi generates for Python would be imported by this package's own name."""
DESCRIPTION = "Components for event-driven architectures on AWS: idempotent, traceable, tested."
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    exported
    for exported in (getattr(pulumi_aws_eda, name) for name in pulumi_aws_eda.__all__)
    if isinstance(exported, type) and issubclass(exported, pulumi.ComponentResource)
]
NO_OUTPUT = "has to be known before anything is made; an output of a resource, or a secret, is not"
_SECTIONS = re.compile(r"\n\n(?:Args|Returns|Raises):\n.*", re.DOTALL)
"""What a docstring says to callers in Python alone."""
_LITERAL_BLOCK = re.compile(r"::\n\n((?:(?: {4}.*)?\n)*(?: {4}.*)$)", re.MULTILINE)
_LITERAL = re.compile(r"``([^`]+)``")


_Archive = pulumi.Input[pulumi.Archive]
_SENT: list[tuple[Any, Any]] = [
    # Python may give a dictionary; maps of other languages have no order.
    (Columns, collections.abc.Sequence[ColumnArgs]),
    # A path would be relative to where the plugin runs.
    (Code, _Archive),
]
"""What arguments are in other languages, by what they are in Python, where the two differ."""


class _Analyzer(Analyzer):
    """Infers the schema."""

    def analyze_property(self, arg: Any, typ: type, name: str, **how: Any) -> PropertyDefinition:
        """The property's definition."""
        sent = next((there for here, there in _SENT if arg == here), arg)
        return super().analyze_property(sent, typ, name, **how)

    def get_docstring(self, typ: type, name: str) -> str | None:
        """What stands below a member of a class."""
        if typ.__name__ not in self.docstrings and typ.__name__ in _classes(typ.__module__):
            self.docstrings[typ.__name__] = _described_members(_classes(typ.__module__)[typ.__name__])
        return super().get_docstring(typ, name)


class EdaProvider(ComponentProvider):
    """Makes the components for programs in any Pulumi language."""

    @property
    def analyzer(self) -> Analyzer:
        """What infers the schema."""
        return self._analyzer

    @analyzer.setter
    def analyzer(self, made: Analyzer) -> None:
        # The base class makes its own, and takes no other.
        self._analyzer = _Analyzer(made.name)

    def __init__(self) -> None:
        super().__init__(COMPONENTS, NAME, NAMESPACE, importlib.metadata.version("pulumi-aws-eda"))
        self.schema = json.dumps(self._described(json.loads(self.schema or "{}")))

    def map_input_properties(
        self,
        inputs: Any,
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> Any:
        """The arguments by their names in Python.

        Args:
            inputs: by their names in the schema.
            properties: their definitions, by the same names.
            mapping: their names in Python, by the same names.
            component_name: for messages.
            property_path: where the arguments are nested, for messages.

        Raises:
            InputPropertyError: one is missing, is none of an enum's values, or is an output where none is taken.
        """
        if isinstance(inputs, pulumi.Output):
            raise InputPropertyError(property_path, NO_OUTPUT)
        as_given = {}
        for name, property in properties.items():
            value = (inputs or {}).get(name)
            if isinstance(value, pulumi.Output) and property.plain:
                raise InputPropertyError(f"{property_path}.{name}".removeprefix("."), NO_OUTPUT)
            # The base class takes outputs for numbers, and an enum's values in a list for objects.
            if isinstance(value, pulumi.Output) or (value is not None and self._is_list_of_enum(property)):
                as_given[name] = value
        others = {name: property for name, property in properties.items() if name not in as_given}
        mapped = super().map_input_properties(inputs, others, mapping, component_name, property_path)
        return {**mapped, **{mapping[name]: value for name, value in as_given.items()}}

    def _is_list_of_enum(self, property: PropertyDefinition) -> bool:
        known = self.get_type_definition(property.items) if property.items and property.items.ref else None
        return known is not None and bool(known.enum)

    def _described(self, schema: dict[str, Any]) -> dict[str, Any]:
        schema |= {"description": DESCRIPTION, "license": "Apache-2.0"}
        definitions = list(self._component_defs.values())
        mappings = [
            *(definition.inputs_mapping for definition in definitions),
            *(definition.outputs_mapping for definition in definitions),
            *(definition.properties_mapping for definition in self._type_defs.values()),
        ]
        names = {python: name for mapping in mappings for name, python in mapping.items()}
        for component in COMPONENTS:
            resource = schema["resources"][f"{NAME}:index:{component.__name__}"]
            mapping = self._component_defs[component.__name__].inputs_mapping
            for name, property in resource["inputProperties"].items():
                if "description" not in property:
                    property["description"] = self._inherited(_arguments(component), mapping[name])
        for name, definition in self._type_defs.items():
            for member, property in schema["types"][f"{NAME}:index:{name}"].get("properties", {}).items():
                if "description" not in property:
                    python = definition.properties_mapping[member]
                    property["description"] = self._inherited(getattr(pulumi_aws_eda, name), python)
        return typing.cast(dict[str, Any], _as_markdown(schema, names))

    def _inherited(self, arguments: type, name: str) -> str | None:
        found = self.analyzer.get_docstring(arguments, name)
        return found or next(filter(None, (self._inherited(base, name) for base in _bases(arguments))), None)


def _arguments(component: type[pulumi.ComponentResource]) -> type:
    return typing.cast(type, typing.get_type_hints(component.__init__)["args"])


def _bases(arguments: type) -> list[type]:
    """The TypedDicts that a TypedDict extends; before Python 3.12 it does not know them itself."""
    definition = _classes(arguments.__module__)[arguments.__name__]
    names = [base.id for base in definition.bases if isinstance(base, ast.Name) and base.id != "TypedDict"]
    return [getattr(sys.modules[arguments.__module__], name) for name in names]


@functools.cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """A module's classes by name: ``inspect`` parses the module again for each, which is half of a plugin's start."""
    try:
        body = ast.parse(inspect.getsource(sys.modules[module])).body
    except (OSError, TypeError):
        # It has no source, so none of its members is described.
        return {}
    return {definition.name: definition for definition in body if isinstance(definition, ast.ClassDef)}


def _described_members(definition: ast.ClassDef) -> dict[str, str]:
    described = {}
    for member, below in itertools.pairwise(definition.body):
        match member, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                described[name] = text
    return described


def _as_markdown(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_as_markdown(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: markdown(item, names) if key == "description" and isinstance(item, str) else _as_markdown(item, names)
        for key, item in value.items()
    }


def markdown(docstring: str, names: dict[str, str]) -> str:
    """A docstring as a reader of the schema expects it.

    Args:
        docstring: in reStructuredText's terms, with sections about the call in Python, which are left out.
        names: what the schema calls arguments and outputs, by their names in Python.
    """
    text = _SECTIONS.sub("", inspect.cleandoc(docstring)).rstrip()
    text = _LITERAL_BLOCK.sub(lambda found: f":\n\n~~~python\n{textwrap.dedent(found[1])}\n~~~", text)
    return _LITERAL.sub(lambda found: f"`{names.get(found[1], found[1])}`", text)


def schema() -> dict[str, Any]:
    """The package's schema as the engine gets it (Pulumi package schema)."""
    return typing.cast(dict[str, Any], json.loads(EdaProvider().schema or "{}"))


def serve() -> None:
    """Serve the components to the engine that started this process."""
    main(EdaProvider(), sys.argv[1:])
