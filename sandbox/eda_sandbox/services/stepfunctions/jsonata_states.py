"""States whose fields are written in JSONata."""

from collections.abc import Mapping
from typing import Any

from eda_sandbox.services.stepfunctions.failure import QueryFailure, StateError
from eda_sandbox.services.stepfunctions.intrinsics import compact
from eda_sandbox.services.stepfunctions.jsonpath_states import no_choice
from eda_sandbox.services.stepfunctions.visit import Result, Visit, result, within_limit

_ABSENT = object()


class JsonataStates:
    """The fields of states in JSONata. Its library is loaded with the first expression."""

    def given(self, visit: Visit) -> Any:
        """The input that the state's other fields see: the raw one."""
        return visit.raw

    def arguments(self, visit: Visit, given: Any, context: dict[str, Any] | None = None) -> Any:
        """What a task or the branches of a Parallel state are given."""
        value = self._field(visit, visit.state, "Arguments", context=context)
        return given if value is _ABSENT else within_limit(value, visit.name)

    def passed(self, visit: Visit, given: Any) -> Result:
        """What comes of a Pass state."""
        return self._result(visit, visit.state, given, visit.state.get("Next"))

    def ended(self, visit: Visit, given: Any, answer: Any) -> Result:
        """What comes of a Task, Parallel or Map state with a result."""
        del given
        return self._result(visit, visit.state, answer, visit.state.get("Next"), result=answer)

    def waited(self, visit: Visit, given: Any) -> Result:
        """What comes of a Wait or a Succeed state."""
        return self.passed(visit, given)

    def chosen(self, visit: Visit, given: Any) -> Result:
        """What comes of a Choice state."""
        for number, rule in enumerate(visit.state["Choices"]):
            where = f"Choices[{number}]/"
            value = self._field(visit, rule, "Condition", where)
            if not isinstance(value, bool):
                raise _unexpected(rule["Condition"], f"{where}Condition", "boolean", value)
            if value:
                return self._result(visit, rule, given, rule["Next"], where)
        if "Default" not in visit.state:
            raise no_choice(visit)
        return self._result(visit, visit.state, given, visit.state["Default"])

    def caught(self, visit: Visit, catcher: Mapping[str, Any], failure: StateError) -> Result:
        """What comes of a state whose error is caught."""
        error = failure.output
        where = f"Catch[{visit.state['Catch'].index(catcher)}]/"
        return self._result(visit, catcher, error, catcher["Next"], where, errorOutput=error)

    def failure(self, visit: Visit, given: Any) -> StateError:
        """The error of a Fail state."""
        del given
        texts = [self._typed(visit, field, "string", str) for field in ("Error", "Cause")]
        return StateError(*texts)

    def items(self, visit: Visit, given: Any) -> list[Any]:
        """The items of a Map state."""
        if "Items" not in visit.state:
            if not isinstance(given, list):
                raise QueryFailure(f"Map state input must be an array but was: {compact(given)}", "")
            return given
        found: list[Any] = self._typed(visit, "Items", "array", list)
        return found

    def item(self, visit: Visit, given: Any, item: Any, context: dict[str, Any]) -> Any:
        """What an iteration of a Map state is given."""
        del given
        value = self._field(visit, visit.state, "ItemSelector", context=context)
        return item if value is _ABSENT else within_limit(value, visit.name)

    def whole(self, visit: Visit, field: str, given: Any) -> int | None:
        """A field that holds a whole number; None when it is not there."""
        del given
        value = self._field(visit, visit.state, field)
        if value is _ABSENT:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _unexpected(visit.state[field], field, "number", value)
        return value

    def wait(self, visit: Visit, given: Any) -> Any:
        """The seconds or the timestamp of a Wait state."""
        if "Seconds" in visit.state:
            return self.whole(visit, "Seconds", given)
        return self._typed(visit, "Timestamp", "string", str)

    def no_moment(self, visit: Visit, value: Any) -> StateError:
        """The error of a Wait state whose timestamp is none."""
        del visit
        return QueryFailure(
            f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {value}",
            "Timestamp",
            evaluated=True,
        )

    def _result(
        self,
        visit: Visit,
        fields: Mapping[str, Any],
        default: Any,
        following: str | None,
        where: str = "",
        **states: Any,
    ) -> Result:
        assigned = self._field(visit, fields, "Assign", where, **states)
        output = self._field(visit, fields, "Output", where, **states)
        return result(
            visit,
            default if output is _ABSENT else output,
            {} if assigned is _ABSENT else within_limit(assigned, visit.name),
            following,
        )

    def _typed(self, visit: Visit, field: str, kind: str, wanted: type) -> Any:
        value = self._field(visit, visit.state, field)
        if value is _ABSENT:
            return None
        if not isinstance(value, wanted):
            raise _unexpected(visit.state[field], field, kind, value)
        return value

    def _field(
        self,
        visit: Visit,
        fields: Mapping[str, Any],
        field: str,
        where: str = "",
        context: dict[str, Any] | None = None,
        **states: Any,
    ) -> Any:
        if field not in fields:
            return _ABSENT
        # It takes a third of a second to load, which machines in JSONPath do not pay.
        from eda_sandbox.services.stepfunctions import jsonata

        seen = {"input": visit.raw, "context": visit.context if context is None else context, **states}
        return jsonata.fill(fields[field], {**visit.variables, "states": seen}, f"{where}{field}")


def _unexpected(text: Any, location: str, wanted: str, value: Any) -> QueryFailure:
    from eda_sandbox.services.stepfunctions.jsonata import inner, type_name

    if isinstance(text, str):
        expression = inner(text)
        said = f"The JSONata expression '{expression if expression is not None else text}' specified for the field"
    else:
        said = "The value specified for the field"
    return QueryFailure(
        f"{said} '{location}' returned an unexpected result type. Expected '{wanted}', but was "
        f"'{type_name(value)}' for value: {compact(value)}",
        location,
    )
