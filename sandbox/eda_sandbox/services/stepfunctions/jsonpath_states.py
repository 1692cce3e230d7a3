"""States whose fields are written in JSONPath."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.services.stepfunctions import choice, intrinsics, paths
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.visit import Result, Visit, result, within_limit

_WHOLE = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Scope:
    """What paths read.

    Attributes:
        document: at ``$``.
        context: at ``$$``.
        variables: at ``$name``.
    """

    document: Any
    context: Any
    variables: Mapping[str, Any]

    def read(self, path: str) -> Any:
        """The value at a path."""
        return paths.read(path, self.document, self.context, self.variables)

    def expression(self, text: str, field: str) -> Any:
        """The value of a path or an intrinsic function that a field holds."""
        if not text.startswith("$"):
            return intrinsics.evaluate(text, self.document, self.context, self.variables)
        if not paths.exists(text, self.document, self.context, self.variables):
            read = compact(self.context if text.startswith("$$") else self.document)
            raise RuntimeFailure(
                f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{read}'"
            )
        return self.read(text)

    def template(self, value: Any) -> Any:
        """A payload template with its ``.$`` fields filled in."""
        if isinstance(value, list):
            return [self.template(item) for item in value]
        if not isinstance(value, dict):
            return value
        filled = {}
        for key, item in value.items():
            if key.endswith(".$") and isinstance(item, str):
                filled[key.removesuffix(".$")] = self.expression(item, key)
            else:
                filled[key] = self.template(item)
        return filled


class JsonPathStates:
    """The fields of states in JSONPath."""

    def given(self, visit: Visit) -> Any:
        """The input that the state's other fields see."""
        path = visit.state.get("InputPath", "$")
        return {} if path is None else _scope(visit, visit.raw).read(path)

    def arguments(self, visit: Visit, given: Any, context: dict[str, Any] | None = None) -> Any:
        """What a task or the branches of a Parallel state are given."""
        if "Parameters" not in visit.state:
            return given
        scope = Scope(given, visit.context if context is None else context, visit.variables)
        return within_limit(scope.template(visit.state["Parameters"]), visit.name)

    def passed(self, visit: Visit, given: Any) -> Result:
        """What comes of a Pass state."""
        value = visit.state["Result"] if "Result" in visit.state else self.arguments(visit, given)
        return self._merged(visit, value, value)

    def ended(self, visit: Visit, given: Any, answer: Any) -> Result:
        """What comes of a Task, Parallel or Map state with a result."""
        del given
        selector = visit.state.get("ResultSelector")
        selected = answer if selector is None else _scope(visit, answer).template(selector)
        return self._merged(visit, selected, answer)

    def _merged(self, visit: Visit, value: Any, assigned_from: Any) -> Result:
        # Results go into the raw input, as it was before InputPath.
        merged = paths.put(visit.state.get("ResultPath", "$"), visit.raw, value)
        assigned = _assigned(visit, visit.state, assigned_from)
        return result(visit, _output(visit, merged), assigned, visit.state.get("Next"))

    def waited(self, visit: Visit, given: Any) -> Result:
        """What comes of a Wait or a Succeed state."""
        assigned = _assigned(visit, visit.state, given)
        return result(visit, _output(visit, given), assigned, visit.state.get("Next"))

    def chosen(self, visit: Visit, given: Any) -> Result:
        """What comes of a Choice state."""
        rules = visit.state["Choices"]
        rule = next((one for one in rules if choice.holds(one, given, visit.context, visit.variables)), None)
        if rule is None and "Default" not in visit.state:
            raise no_choice(visit)
        assigned = _assigned(visit, visit.state if rule is None else rule, given)
        following = visit.state["Default"] if rule is None else rule["Next"]
        return result(visit, _output(visit, given), assigned, following)

    def caught(self, visit: Visit, catcher: Mapping[str, Any], failure: StateError) -> Result:
        """What comes of a state whose error is caught."""
        error = failure.output
        output = paths.put(catcher.get("ResultPath", "$"), visit.raw, error)
        return result(visit, output, _assigned(visit, catcher, error), catcher["Next"])

    def failure(self, visit: Visit, given: Any) -> StateError:
        """The error of a Fail state."""
        texts = []
        for key in ("Error", "Cause"):
            text = visit.state.get(key)
            if f"{key}Path" in visit.state:
                text = _scope(visit, given).expression(visit.state[f"{key}Path"], f"{key}Path")
            texts.append(text)
        return StateError(*texts)

    def items(self, visit: Visit, given: Any) -> list[Any]:
        """The items of a Map state."""
        items = _scope(visit, given).read(visit.state.get("ItemsPath", "$"))
        if not isinstance(items, list):
            raise RuntimeFailure(f"Map state input must be an array but was: {compact(items)}")
        return items

    def item(self, visit: Visit, given: Any, item: Any, context: dict[str, Any]) -> Any:
        """What an iteration of a Map state is given."""
        selector = visit.state.get("ItemSelector", visit.state.get("Parameters"))
        if selector is None:
            return item
        return within_limit(Scope(given, context, visit.variables).template(selector), visit.name)

    def whole(self, visit: Visit, field: str, given: Any) -> int | None:
        """A field that holds a whole number, by itself or at the path of ``…Path``; None when it is not there."""
        path = visit.state.get(f"{field}Path")
        if path is None:
            return visit.state.get(field)
        value = _scope(visit, given).read(path)
        if not _WHOLE.fullmatch(_bare(value)):
            raise RuntimeFailure(
                f'The {field}Path field refers to value "{_bare(value)}" which is not a valid integer: {path}'
            )
        return int(value)

    def wait(self, visit: Visit, given: Any) -> Any:
        """The seconds or the timestamp of a Wait state."""
        state = visit.state
        if "SecondsPath" in state:
            return self._seconds(visit, given, state["SecondsPath"])
        if "TimestampPath" not in state:
            return state["Seconds"] if "Seconds" in state else state["Timestamp"]
        path = state["TimestampPath"]
        return _wanted(visit, given, "TimestampPath", path)

    def _seconds(self, visit: Visit, given: Any, path: str) -> int:
        value = _wanted(visit, given, "SecondsPath", path)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RuntimeFailure(
                f"The SecondsPath parameter cannot be parsed as a long value: {path} == {_bare(value)}"
            )
        if value < 0:
            raise RuntimeFailure(f"The SecondsPath parameter references a negative value: {path} == {value}")
        return value

    def no_moment(self, visit: Visit, value: Any) -> StateError:
        """The error of a Wait state whose timestamp is none."""
        path = visit.state.get("TimestampPath", "Timestamp")
        return RuntimeFailure(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            f"{path} == {_bare(value)}"
        )


def no_choice(visit: Visit) -> StateError:
    """The error of a Choice state without a rule that holds."""
    return StateError("States.NoChoiceMatched", f"No choice rule of '{visit.name}' matched, and it has no Default")


def _scope(visit: Visit, document: Any) -> Scope:
    return Scope(document, visit.context, visit.variables)


def _wanted(visit: Visit, given: Any, field: str, path: str) -> Any:
    scope = _scope(visit, given)
    if not paths.exists(path, given, visit.context, visit.variables):
        raise RuntimeFailure(f"The {field} parameter does not reference an input value: {path}")
    return scope.read(path)


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def _assigned(visit: Visit, fields: Mapping[str, Any], document: Any) -> dict[str, Any]:
    if not fields.get("Assign"):
        return {}
    assigned: dict[str, Any] = within_limit(_scope(visit, document).template(fields["Assign"]), visit.name)
    return assigned


def _output(visit: Visit, value: Any) -> Any:
    path = visit.state.get("OutputPath", "$")
    return {} if path is None else _scope(visit, value).read(path)
