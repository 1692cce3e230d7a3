"""Formats of dates and times, and the names of their parts."""

import re

from sqlglot import exp

from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError

_NAMES = {
    "millennium": "millennium mil mils millennia",
    "century": "century c cent cents centuries",
    "decade": "decade dec decs decades",
    "epoch": "epoch",
    "year": "year y yr yrs years",
    "quarter": "quarter qtr qtrs quarters",
    "month": "month mon mons months",
    "week": "week w weeks",
    "dow": "dayofweek dow dw weekday",
    "doy": "dayofyear doy dy yearday",
    "day": "day d days",
    "hour": "hour h hr hrs hours",
    "minute": "minute m min mins minutes",
    "second": "second s sec secs seconds",
    "millisecond": "millisecond ms msec msecs msecond mseconds millisec millisecs millisecon milliseconds",
    "microsecond": "microsecond microsec microsecs microsecond usecond useconds us usec usecs microseconds",
}
PARTS = {word: part for part, words in _NAMES.items() for word in words.split()}
"""What parts of dates are called (Redshift's documentation, "Date parts for date or timestamp functions")."""
STEPS = {
    "decade": ("to_years", 10),
    "century": ("to_years", 100),
    "year": ("to_years", 1),
    "quarter": ("to_months", 3),
    "month": ("to_months", 1),
    "week": ("to_days", 7),
    "day": ("to_days", 1),
    "hour": ("to_hours", 1),
    "minute": ("to_minutes", 1),
    "second": ("to_seconds", 1),
    "millisecond": ("to_milliseconds", 1),
    "microsecond": ("to_microseconds", 1),
}
"""How an amount of a part is written for DuckDB, and how many of its units a part has."""
_CODES = {
    "YYYY": "%Y",
    "YY": "%y",
    "MM": "%m",
    "DD": "%d",
    "DDD": "%j",
    "HH24": "%H",
    "HH12": "%I",
    "HH": "%I",
    "MI": "%M",
    "SS": "%S",
    "MS": "%g",
    "US": "%f",
    "AM": "%p",
    "PM": "%p",
    "IYYY": "%G",
    "IW": "%V",
}
_WORDS = {"MON": "%b", "MONTH": "%B", "DY": "%a", "DAY": "%A"}
_TOKEN = re.compile(
    r'"([^"]*)"|(FM)?(YYYY|IYYY|HH24|HH12|MONTH|MON|DAY|DDD|DY|YY|MM|DD|HH|MI|SS|MS|US|AM|PM|IW|Q|D)|([A-Za-z]+)|(.)',
    re.IGNORECASE | re.DOTALL,
)


def written(moment: exp.Expr, pattern: str) -> exp.Expr:
    """``TO_CHAR`` of a date or time.

    Raises:
        SqlError: the format has what the sandbox does not translate.
    """
    parts: list[exp.Expr] = []
    for found in _TOKEN.finditer(pattern):
        quoted, unpadded, code, letters, other = found.groups()
        if letters:
            raise SqlError(f"{NOT_OFFERED} the format {pattern!r}: {letters}")
        if code is None:
            parts.append(exp.Literal.string(other if quoted is None else quoted))
        else:
            parts.append(_part(moment, code, bool(unpadded)))
    joined = parts[0] if parts else exp.Literal.string("")
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return exp.Paren(this=joined)


def _part(moment: exp.Expr, code: str, unpadded: bool) -> exp.Expr:
    word = code.upper()

    def formatted(directive: str) -> exp.Expr:
        return exp.Anonymous(this="strftime", expressions=[moment.copy(), exp.Literal.string(directive)])

    if word in ("Q", "D"):
        number: exp.Expr = exp.Anonymous(
            this="date_part", expressions=[exp.Literal.string("quarter" if word == "Q" else "dow"), moment.copy()]
        )
        number = number if word == "Q" else exp.Add(this=number, expression=exp.Literal.number(1))
        return exp.Cast(this=exp.Paren(this=number), to=exp.DataType.build("VARCHAR"))
    if word in _WORDS:
        name = formatted(_WORDS[word])
        if code.isupper():
            name = exp.Anonymous(this="upper", expressions=[name])
        elif code.islower():
            name = exp.Anonymous(this="lower", expressions=[name])
        if word in ("MONTH", "DAY") and not unpadded:
            name = exp.Anonymous(this="rpad", expressions=[name, exp.Literal.number(9), exp.Literal.string(" ")])
        return name
    text = formatted(_CODES[word])
    if word in ("AM", "PM") and code.islower():
        return exp.Anonymous(this="lower", expressions=[text])
    if unpadded:
        return exp.Anonymous(this="ltrim", expressions=[text, exp.Literal.string("0")])
    return text


def parsed(pattern: str) -> str:
    """A format of ``TO_DATE``, ``TO_TIMESTAMP``, DATEFORMAT and TIMEFORMAT as DuckDB's.

    Raises:
        SqlError: it has what the sandbox does not translate.
    """
    codes = []
    for found in _TOKEN.finditer(pattern):
        quoted, _, code, letters, other = found.groups()
        word = (code or "").upper()
        if (letters and letters.upper() not in ("T",)) or word in ("Q", "D"):
            raise SqlError(f"{NOT_OFFERED} the format {pattern!r}: {letters or code}")
        if code:
            codes.append(_CODES.get(word) or _WORDS[word])
        else:
            codes.append((letters or (other if quoted is None else quoted)).replace("%", "%%"))
    return "".join(codes)
