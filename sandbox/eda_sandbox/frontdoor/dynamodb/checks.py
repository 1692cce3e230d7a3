"""What is wrong with an expression before any item is looked at (DynamoDB refuses it even where no item matches)."""

from collections.abc import Iterator, Sequence

from ministack.services._dynamodb_keywords import AWS_KEYWORDS

from eda_sandbox.frontdoor.dynamodb.binding import Binding, Elements, shown
from eda_sandbox.frontdoor.dynamodb.syntax import (
    Action,
    Arithmetic,
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Invalid,
    Logical,
    Not,
    Operand,
    Path,
    Update,
    Value,
)
from eda_sandbox.frontdoor.dynamodb.values import ORDERED, SETS, TYPES, WORDS, comparable, type_of

MAX_OPTIONS = 100
"""Operands of IN (Developer Guide, comparison operator and function reference)."""
_OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
_IN_CONDITIONS = frozenset(_OPERANDS) - {"if_not_exists", "list_append"}
_IN_UPDATES = frozenset({"if_not_exists", "list_append"})
_OF_PATHS = frozenset({"attribute_exists", "attribute_not_exists"})
_SIZED = frozenset(TYPES) - {"N", "BOOL", "NULL"}
_ALLOWED = {"ADD": SETS | {"N"}, "DELETE": SETS}


def check_condition(condition: Condition, binding: Binding) -> None:
    """Check a condition, or a filter.

    Args:
        condition: as read.
        binding: of the request; what is used of it is noted there.

    Raises:
        Invalid: it is refused.
    """
    for call, path in _words(condition):
        _check_word(call, path, _IN_CONDITIONS, "a condition expression")
    _check(condition, binding)


def check_update(update: Update, binding: Binding) -> None:
    """Check an update.

    Args:
        update: as read.
        binding: of the request; what is used of it is noted there.

    Raises:
        Invalid: it is refused.
    """
    for action in update.actions:
        for path in (action.path, *_paths(action.operand)):
            _check_reserved(path)
        for call in _calls(action.operand):
            _check_word(call, None, _IN_UPDATES, "an update expression")
    for section in update.sections:
        if update.sections.count(section) > 1:
            raise Invalid(f'The "{section}" section can only be used once in an update expression;')
    for action in update.actions:
        for path in (action.path, *_paths(action.operand)):
            binding.path(path)
    check_apart([binding.path(action.path) for action in update.actions])
    for action in update.actions:
        for value in _values(action.operand):
            binding.value(value)
    for action in update.actions:
        _check_action(action, binding)


def check_projection(paths: Sequence[Path], binding: Binding) -> None:
    """Check a projection.

    Args:
        paths: as read.
        binding: of the request; what is used of it is noted there.

    Raises:
        Invalid: it is refused.
    """
    for path in paths:
        _check_reserved(path)
    check_apart([binding.path(path) for path in paths])


def check_apart(paths: Sequence[Elements]) -> None:
    """Check that no path lies in another one, or takes for a map what another one takes for a list.

    Raises:
        Invalid: one does.
    """
    for number, later in enumerate(paths):
        for earlier in paths[:number]:
            problem = _relation(earlier, later)
            if problem:
                raise Invalid(
                    f"Two document paths {problem} with each other; must remove or rewrite one of these paths; "
                    f"path one: {shown(earlier)}, path two: {shown(later)}"
                )


def operands(condition: Condition) -> Iterator[Operand]:
    """The operands of all comparisons and functions of a condition, from the left."""
    match condition:
        case Logical(_, left, right):
            yield from operands(left)
            yield from operands(right)
        case Not(inner):
            yield from operands(inner)
        case Comparison(_, left, right):
            yield from (left, right)
        case Between(operand, low, high):
            yield from (operand, low, high)
        case In(operand, options):
            yield from (operand, *options)
        case Call():
            yield condition


def condition_paths(condition: Condition) -> Iterator[Path]:
    """The paths of a condition, from the left."""
    for operand in operands(condition):
        yield from _paths(operand)


def _words(condition: Condition) -> Iterator[tuple[Call | None, Path | None]]:
    for operand in operands(condition):
        yield from _operand_words(operand)


def _operand_words(operand: Operand) -> Iterator[tuple[Call | None, Path | None]]:
    if isinstance(operand, Call):
        yield operand, None
        for argument in operand.arguments:
            yield from _operand_words(argument)
    elif isinstance(operand, Path):
        yield None, operand


def _check_word(call: Call | None, path: Path | None, allowed: frozenset[str], where: str) -> None:
    if path is not None:
        _check_reserved(path)
    if call is not None and call.function not in _OPERANDS:
        raise Invalid(f"Invalid function name; function: {call.function}")
    if call is not None and call.function not in allowed:
        raise Invalid(f"The function is not allowed in {where}; function: {call.function}")


def _check_reserved(path: Path) -> None:
    for element in path.elements:
        if isinstance(element, str) and element.upper() in AWS_KEYWORDS:
            raise Invalid(f"Attribute name is a reserved keyword; reserved keyword: {element}")


def _relation(one: Elements, other: Elements) -> str | None:
    for mine, others in zip(one, other, strict=False):
        if type(mine) is not type(others):
            return "conflict"
        if mine != others:
            return None
    return "overlap"


def _paths(operand: Operand | None) -> Iterator[Path]:
    match operand:
        case Path():
            yield operand
        case Call(_, arguments):
            for argument in arguments:
                yield from _paths(argument)
        case Arithmetic(_, left, right):
            yield from _paths(left)
            yield from _paths(right)


def _values(operand: Operand | None) -> Iterator[Value]:
    match operand:
        case Value():
            yield operand
        case Call(_, arguments):
            for argument in arguments:
                yield from _values(argument)
        case Arithmetic(_, left, right):
            yield from _values(left)
            yield from _values(right)


def _calls(operand: Operand | None) -> Iterator[Call]:
    match operand:
        case Call(_, arguments):
            yield operand
            for argument in arguments:
                yield from _calls(argument)
        case Arithmetic(_, left, right):
            yield from _calls(left)
            yield from _calls(right)


def _check(condition: Condition, binding: Binding) -> None:
    match condition:
        case Logical(_, left, right):
            _check(left, binding)
            _check(right, binding)
        case Not(inner):
            _check(inner, binding)
        case Comparison(operator, left, right):
            _bind([left, right], binding)
            _check_distinct(operator, left, [right], binding)
            if operator not in ("=", "<>"):
                _check_types(operator, [left, right], ORDERED, binding)
        case Between(operand, low, high):
            _bind([operand, low, high], binding)
            _check_distinct("BETWEEN", operand, [low, high], binding)
            _check_types("BETWEEN", [operand, low, high], ORDERED, binding)
            _check_bounds(low, high, binding)
        case In(operand, options):
            _bind([operand, *options], binding)
            if len(options) > MAX_OPTIONS:
                raise Invalid(f"The IN operator is provided with too many operands; number of operands: {len(options)}")
            _check_distinct("IN", operand, options, binding)
        case Call(function):
            if function == "size":
                raise _misplaced(function)
            _check_call(condition, binding)


def _bind(found: Sequence[Operand], binding: Binding) -> None:
    """Look up the placeholders of operands; a function among them has to give a value."""
    for operand in found:
        match operand:
            case Path():
                binding.path(operand)
            case Value():
                binding.value(operand)
            case Call(function):
                if function != "size":
                    raise _misplaced(function)
                _check_call(operand, binding)


def _misplaced(function: str) -> Invalid:
    return Invalid(f"The function is not allowed to be used this way in an expression; function: {function}")


def _check_call(call: Call, binding: Binding) -> None:
    """Check a function of conditions."""
    arguments = call.arguments
    if call.function in _OF_PATHS and len(arguments) == 1 and isinstance(arguments[0], Call):
        raise _no_path(call.function)
    _bind(arguments, binding)
    _check_count(call)
    if call.function in _OF_PATHS:
        if not isinstance(arguments[0], Path):
            raise _no_path(call.function)
    elif call.function == "attribute_type":
        _check_type_name(arguments[1], binding)
    elif call.function == "begins_with":
        _check_distinct(call.function, arguments[0], arguments[1:], binding)
        _check_types(call.function, arguments, frozenset({"S", "B"}), binding)
    elif call.function == "contains":
        _check_distinct(call.function, arguments[0], arguments[1:], binding)
    elif call.function == "size":
        _check_types(call.function, arguments, _SIZED, binding)


def _no_path(function: str) -> Invalid:
    return Invalid(f"Operator or function requires a document path; operator or function: {function}")


def _check_count(call: Call) -> None:
    if len(call.arguments) != _OPERANDS[call.function]:
        raise Invalid(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {call.function}, number of operands: {len(call.arguments)}"
        )


def _check_type_name(operand: Operand, binding: Binding) -> None:
    if not isinstance(operand, Value):
        raise _wrong_type("attribute_type", f"{{{','.join(TYPES)}}}")
    _check_types("attribute_type", [operand], frozenset({"S"}), binding)
    name = binding.value(operand)["S"]
    if name not in TYPES:
        raise Invalid(f"Invalid attribute type name found; type: {name}, valid types: {{{','.join(TYPES)}}}")


def _check_types(operator: str, found: Sequence[Operand], allowed: frozenset[str], binding: Binding) -> None:
    """Check the types of values that the request has; those of attributes are seen when an item is looked at."""
    for operand in found:
        kind = None
        if isinstance(operand, Call):
            kind = "N"
        elif isinstance(operand, Value):
            kind = type_of(binding.value(operand))
        if kind is not None and kind not in allowed:
            raise _wrong_type(operator, kind)


def _wrong_type(operator: str, kind: str) -> Invalid:
    return Invalid(
        f"Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
    )


def _check_distinct(operator: str, first: Operand, others: Sequence[Operand], binding: Binding) -> None:
    if not isinstance(first, Path):
        return
    path = binding.path(first)
    if any(isinstance(other, Path) and binding.path(other) == path for other in others):
        raise Invalid(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {operator}, first operand: {shown(path)}"
        )


def _check_bounds(low: Operand, high: Operand, binding: Binding) -> None:
    if not (isinstance(low, Value) and isinstance(high, Value)):
        return
    lower, upper = binding.value(low), binding.value(high)
    kinds = type_of(lower), type_of(upper)
    given = "; " + ", ".join(
        f"{name} bound operand: AttributeValue: {{{kind}:{value[kind]}}}"
        for name, kind, value in zip(("lower", "upper"), kinds, (lower, upper), strict=True)
    )
    if kinds[0] != kinds[1]:
        raise Invalid("The BETWEEN operator requires same data type for lower and upper bounds" + given)
    try:
        reversed_bounds = comparable(lower) > comparable(upper)
    except (ArithmeticError, ValueError):
        # A number, or a text in base64, that is none: the emulator says so itself.
        return
    if reversed_bounds:
        raise Invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound" + given)


def _check_action(action: Action, binding: Binding) -> None:
    if action.section == "SET":
        assert action.operand is not None
        _check_operand(action.operand, binding)
    elif action.section in _ALLOWED:
        assert isinstance(action.operand, Value)
        kind = type_of(binding.value(action.operand))
        if kind not in _ALLOWED[action.section]:
            raise Invalid(
                f"Incorrect operand type for operator or function; operator: {action.section}, "
                f"operand type: {WORDS[kind]}, typeSet: ALLOWED_FOR_{action.section}_OPERAND"
            )


def _check_operand(operand: Operand, binding: Binding) -> None:
    match operand:
        case Arithmetic(operator, left, right):
            for side in (left, right):
                if isinstance(side, Call) and side.function == "list_append":
                    raise _misplaced(side.function)
                _check_operand(side, binding)
            values = [side for side in (left, right) if isinstance(side, Value)]
            _check_types(operator, values, frozenset({"N"}), binding)
        case Call(function, arguments):
            for argument in arguments:
                if isinstance(argument, Call) and argument.function == "list_append":
                    raise _misplaced(argument.function)
                _check_operand(argument, binding)
            _check_count(operand)
            if function == "if_not_exists":
                if not isinstance(arguments[0], Path):
                    raise _no_path(function)
                _check_distinct(function, arguments[0], arguments[1:], binding)
            else:
                values = [argument for argument in arguments if isinstance(argument, Value)]
                _check_types(function, values, frozenset({"L"}), binding)
