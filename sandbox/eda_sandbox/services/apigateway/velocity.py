"""Mapping templates: airspeed's parser, evaluated by the rules of the Velocity that API Gateway runs.

airspeed evaluates with Python's rules, and they differ where templates branch: ``#if($undefined)`` is true
there, ``!$undefined`` false, ``&&`` does not stop early, ``"1" + 1`` raises, and every Python attribute of a
value can be reached. So only its syntax tree is used. Rules here, all Velocity 1.7's:

- a condition is false for null and false; everything else is true, the empty string and 0 too;
- a reference to nothing prints nothing (API Gateway's own choice), and ``#set`` to null leaves the variable;
- numbers are compared by value, other unlike types by what they print; arithmetic on anything but numbers is
  null, except that ``+`` with a string joins;
- ``#foreach`` over a map gives its values.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from airspeed import operators as syntax

from eda_sandbox.services.apigateway import java_values as java
from eda_sandbox.services.apigateway.java_values import TemplateError

# A template may loop for ever through macros; API Gateway allows 1,000 turns of a #foreach.
MAX_LOOPS = 1000
_MAX_DEPTH = 40


class _Stop(Exception):
    """#stop: the template ends here."""


class _Break(Exception):
    """#break: the innermost #foreach ends here."""


class Template:
    """A parsed template, reusable for any number of renderings and from any thread.

    Raises:
        TemplateError: the text is not a template.
    """

    def __init__(self, text: str) -> None:
        try:
            self._body = syntax.TemplateBody("template", text)
        except syntax.TemplateError as error:
            raise TemplateError(str(error)) from error

    def render(self, variables: Mapping[str, Any]) -> str:
        """Evaluate the template; ``#set`` may change the values of ``variables``, never the mapping itself.

        Raises:
            TemplateError: a method fails or does not exist, or a directive is not API Gateway's.
        """
        run = _Run(dict(variables))
        try:
            run.block(self._body.block)
        except _Stop:
            pass
        except _Break:
            pass
        except RecursionError as error:
            raise TemplateError("the template nests too deeply") from error
        return "".join(run.output)


@functools.lru_cache(maxsize=512)
def compiled(text: str) -> Template:
    """The template for a text, parsed once."""
    return Template(text)


def truth(value: Any) -> bool:
    return value is not None and value is not False


class _Run:
    def __init__(self, variables: dict[str, Any]) -> None:
        self._variables = variables
        self._macros: dict[str, Any] = {}
        self._depth = 0
        self._loops = 0
        self.output: list[str] = []

    # Directives

    def block(self, block: Any) -> None:
        for child in block.children:
            self._write(child)

    def _write(self, element: Any) -> None:
        match element:
            case syntax.Text() | syntax.FallthroughHashText():
                if isinstance(element, syntax.FallthroughHashText) and element.next_text()[:5] == "break":
                    raise _Break
                self.output.append(element.text)
            case syntax.FormalReference():
                self._reference(element)
            case syntax.Comment():
                pass
            case syntax.IfDirective():
                self._if(element)
            case syntax.SetDirective():
                self._set(element.assignment)
            case syntax.ForeachDirective():
                self._foreach(element)
            case syntax.StopDirective():
                raise _Stop
            case syntax.MacroDefinition():
                self._macros.setdefault(element.function_name.lower(), element)
            case syntax.DefineDefinition():
                self._variables[element.function_name] = _Defined(element.block)
            case syntax.MacroCall():
                self._call_macro(element)
            # ReturnDirective is airspeed's own addition and a subclass of EvaluateDirective.
            case syntax.ReturnDirective():
                raise TemplateError("#return is not a directive of API Gateway's templates")
            case syntax.EvaluateDirective():
                text = self.value(element.value)
                if text is not None:
                    self._nested(compiled(java.to_string(text))._body.block)
            case _:
                raise TemplateError(f"{element.my_text()}: API Gateway's templates have no such directive")

    def _nested(self, block: Any) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TemplateError("the template nests too deeply")
        self.block(block)
        self._depth -= 1

    def _reference(self, element: Any) -> None:
        if element.expression is None:
            self.output.append(element.my_text())
            return
        value = self.value(element)
        if value is None and element.alternate is not None:
            value = self.value(element.alternate.expression)
        if value is not None:
            self.output.append(java.to_string(value))

    def _if(self, element: Any) -> None:
        if truth(self.value(element.condition)):
            self.block(element.block)
            return
        for branch in element.elseifs:
            if truth(self.value(branch.condition)):
                self.block(branch.block)
                return
        if isinstance(element.else_block, syntax.ElseBlock):
            self.block(element.else_block.block)

    def _set(self, assignment: Any) -> None:
        value = self.value(assignment.value)
        if value is None:
            return
        if not assignment.terms:
            self._variables[assignment.root_term] = value
            return
        target = self._variables.get(assignment.root_term)
        for term in assignment.terms[:-1]:
            target = self._step(target, self._term(term))
        key = self._term(assignment.terms[-1])
        if isinstance(target, dict):
            target[key] = value
        elif isinstance(target, list):
            java.call(target, "set", [key, value])
        elif target is not None:
            raise TemplateError(f"{assignment.my_text()}: only maps and lists can be assigned to")

    def _term(self, term: Any) -> Any:
        inner = term.term
        return inner.value if isinstance(inner, syntax.DotDictAccessTerm) else self.value(inner.value)

    @staticmethod
    def _step(target: Any, key: Any) -> Any:
        return java.attribute(target, key) if isinstance(key, str) else java.index(target, key)

    def _foreach(self, element: Any) -> None:
        items = list(self._items(self.value(element.value)))
        saved = {name: self._variables.get(name) for name in (element.loop_var_name, "foreach", "velocityCount")}
        try:
            for position, item in enumerate(items):
                self._loops += 1
                if self._loops > MAX_LOOPS:
                    raise TemplateError(f"#foreach ran more than {MAX_LOOPS} times")
                self._variables[element.loop_var_name] = item
                self._variables["velocityCount"] = position + 1
                self._variables["foreach"] = {
                    "index": position,
                    "count": position + 1,
                    "hasNext": position + 1 < len(items),
                    "first": position == 0,
                    "last": position + 1 == len(items),
                    "parent": saved["foreach"],
                }
                self.block(element.block)
        except _Break:
            pass
        finally:
            self._variables.update(saved)

    @staticmethod
    def _items(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list | range | tuple):
            yield from value

    def _call_macro(self, element: Any) -> None:
        macro = self._macros.get(element.macro_name)
        if macro is None:
            self.output.append(element.my_text())
            return
        arguments = [self.value(argument) for argument in element.args]
        saved = {name: self._variables.get(name) for name in macro.arg_names}
        self._variables.update(dict.fromkeys(macro.arg_names), **dict(zip(macro.arg_names, arguments, strict=False)))
        try:
            self._nested(macro.block)
        finally:
            self._variables.update(saved)

    # Values

    def value(self, element: Any) -> Any:
        """What an expression of the syntax tree evaluates to; None is Java's null."""
        match element:
            case syntax.Value() | syntax.Condition():
                return self.value(element.expression)
            case syntax.NullLiteral():
                return None
            case syntax.InterpolatedStringLiteral():
                return self._interpolated(_unescaped(element))
            case (
                syntax.StringLiteral()
                | syntax.IntegerLiteral()
                | syntax.FloatingPointLiteral()
                | syntax.BooleanLiteral()
            ):
                return element.value
            case syntax.FormalReference():
                return None if element.expression is None else self._variable(element.expression)
            case syntax.ArrayLiteral():
                return self._array(element.values)
            case syntax.DictionaryLiteral():
                return {self.value(key): self.value(item) for key, item in element.local_data.items()}
            case syntax.ParenthesizedExpression():
                # The element keeps its expression only as the bound method that evaluates it.
                return self.value(element.calculate.__self__)
            case syntax.UnaryOperatorValue():
                return not truth(self.value(element.value))
            case syntax.Expression():
                return self._expression(element)
        raise TemplateError(f"{element.my_text()}: not an expression")

    def _interpolated(self, block: Any) -> str:
        outer, self.output = self.output, []
        try:
            self._nested(block)
            return "".join(self.output)
        finally:
            self.output = outer

    def _array(self, values: Any) -> list[Any]:
        if isinstance(values, syntax.Range):
            first, last = self.value(values.value1), self.value(values.value2)
            if not isinstance(first, int) or not isinstance(last, int):
                raise TemplateError("a range needs two integers")
            return list(range(first, last + 1) if first <= last else range(first, last - 1, -1))
        if isinstance(values, syntax.ValueList):
            return [self.value(item) for item in values.values]
        return []

    def _variable(self, expression: Any) -> Any:
        part = expression.part
        value = self._variables.get(part.name)
        if isinstance(value, _Defined):
            value = self._interpolated(value.block)
        if part.index is not None and value is not None:
            value = java.index(value, self.value(part.index.index))
        return self._follow(value, expression.subexpression)

    def _follow(self, value: Any, sub: Any) -> Any:
        while sub is not None and value is not None:
            step = sub.expression
            if isinstance(step, syntax.ArrayIndex):
                value = java.index(value, self.value(step.index))
                sub = sub.subexpression
                continue
            part = step.part
            if part.parameters is not None:
                value = java.call(value, part.name, self._array(part.parameters.values))
            else:
                value = java.attribute(value, part.name)
            if part.index is not None and value is not None:
                value = java.index(value, self.value(part.index.index))
            sub = step.subexpression
        return value

    # Operators

    def _expression(self, element: Any) -> Any:
        terms = element.expression
        operands, operators = terms[0::2], [(term.my_text().strip(), term.precedence) for term in terms[1::2]]
        return self._climb(operands, operators, 0, len(operators))

    def _climb(self, operands: list[Any], operators: list[tuple[str, int]], start: int, end: int) -> Any:
        """Evaluate operands[start..end]: split at the loosest operator, the rightmost of equals."""
        if start == end:
            return self.value(operands[start])
        at = max(range(start, end), key=lambda i: (_LOOSENESS[operators[i][0]], i))
        symbol = operators[at][0]
        left = self._climb(operands, operators, start, at)
        if symbol in ("&&", "and"):
            return truth(left) and truth(self._climb(operands, operators, at + 1, end))
        if symbol in ("||", "or"):
            return truth(left) or truth(self._climb(operands, operators, at + 1, end))
        return _apply(symbol, left, self._climb(operands, operators, at + 1, end))


def _unescaped(literal: Any) -> Any:
    """The block of a literal in double quotes, in which Velocity reads ``\\u`` as the beginning of a character
    (ASTStringLiteral.unescape) and fails where no four digits follow."""
    if "\\u" not in literal.value:
        return literal.block

    def character(match: re.Match[str]) -> str:
        if not match[1]:
            raise TemplateError(f"{literal.my_text()}: no four hexadecimal digits follow \\u")
        return chr(int(match[1], 16))

    return syntax.Block(literal.filename, re.sub(r"\\u([0-9a-fA-F]{4})?", character, literal.value), 0)


class _Defined:
    """What #define leaves behind: a block that is rendered where it is referenced."""

    def __init__(self, block: Any) -> None:
        self.block = block


_LOOSENESS = {
    **dict.fromkeys(("*", "/", "%"), 1),
    **dict.fromkeys(("+", "-"), 2),
    **dict.fromkeys((">", ">=", "<", "<=", "gt", "ge", "lt", "le"), 3),
    **dict.fromkeys(("==", "!=", "eq", "ne"), 4),
    **dict.fromkeys(("&&", "and"), 5),
    **dict.fromkeys(("||", "or"), 6),
}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        # Recorded of API Gateway, where Velocity 1.7 has false: what is not there is the empty text.
        return left is right or "" in (left, right)
    if _number(left) and _number(right):
        return bool(left == right)
    if type(left) is type(right):
        return bool(left == right)
    return java.to_string(left) == java.to_string(right)


def _apply(symbol: str, left: Any, right: Any) -> Any:
    match symbol:
        case "==" | "eq":
            return _equal(left, right)
        case "!=" | "ne":
            return not _equal(left, right)
        case "+" if isinstance(left, str) or isinstance(right, str):
            return None if left is None or right is None else java.to_string(left) + java.to_string(right)
    comparison = symbol in _COMPARISONS
    if not (_number(left) and _number(right)):
        return False if comparison else None
    if comparison:
        return _COMPARISONS[symbol](left, right)
    match symbol:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if right == 0:
        return None
    # Java truncates towards zero where Python rounds down.
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    if symbol == "%":
        return left - right * quotient
    return quotient if isinstance(left, int) and isinstance(right, int) else left / right


_COMPARISONS = {
    ">": lambda left, right: left > right,
    "gt": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "ge": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "lt": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "le": lambda left, right: left <= right,
}
