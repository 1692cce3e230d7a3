"""Telling a secret by its name or by itself."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALONE = frozenset(
    (
        *("password", "passwd", "passphrase", "passcode", "pwd", "passwords", "secret", "secrets", "token", "tokens"),
        *("credential", "credentials", "apikey", "secretkey", "privatekey", "accesskey", "authkey", "pw"),
    )
)
_KEYS = frozenset(
    (
        *("api", "private", "access", "secret", "signing", "encryption", "master", "shared", "ssh", "auth", "hmac"),
        *("webhook", "account", "license", "service", "client", "storage", "deploy"),
    )
)
"""What a key is of that is a secret."""
_ABOUT = frozenset(
    (
        *("arn", "arns", "name", "names", "id", "ids", "path", "url", "uri", "endpoint", "ttl", "seconds", "minutes"),
        *("timeout", "length", "field", "fields", "parameter", "param", "header", "table", "queue", "bucket", "type"),
        *(
            "format",
            "expiry",
            "expiration",
            "age",
            "limit",
            "count",
            "max",
            "min",
            "file",
            "version",
            "prefix",
            "suffix",
        ),
        *(
            "enabled",
            "disabled",
            "required",
            "regex",
            "pattern",
            "policy",
            "source",
            "store",
            "provider",
            "issuer",
            "ref",
        ),
        *("location", "algorithm", "mode", "rotation", "stage", "index", "attribute", "column", "manager", "region"),
    )
)
"""Last words of names of what is about a secret, and none itself."""
_VALUE = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY",
            r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
            r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.",
            r"\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}",
            r"\bxox[abeoprs]-[\w-]{8,}|\bxapp-[\w-]{8,}|hooks\.slack\.com/services/\w+/\w+/\w+",
            r"\b[srp]k_(live|test)_\w{8,}|\bwhsec_\w{16,}|\bsk-[\w-]{20,}",
            r"\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}",
            r"\bnpm_\w{20,}|\bpypi-[\w-]{20,}|\bhf_\w{20,}|\bdop_v1_\w{20,}|\bshpat_\w{20,}|\bhvs\.[\w-]{20,}",
            r"\bSG\.[\w-]{16,}\.[\w-]{16,}|\bdapi[0-9a-f]{32}\b|\bNRAK-\w{20,}|\bkey-[0-9a-f]{32}\b",
            r"(?i:\b(accountkey|sharedaccesskey|password|pwd)=[^;\s&]{6,})",
            r"://[^/\s:@]*:[^/\s:@]+@",
        )
    )
)
"""Forms that providers give their keys."""
_MARKS = (
    *(
        "-----BEGIN",
        "AKIA",
        "ASIA",
        "eyJ",
        "gh",
        "github_pat_",
        "glpat-",
        "xox",
        "xapp-",
        "hooks.slack",
        "k_live_",
        "k_test_",
        "whsec_",
    ),
    *("sk-", "AIza", "ya29.", "npm_", "pypi-", "hf_", "dop_v1_", "shpat_", "hvs.", "SG.", "dapi", "NRAK-", "key-", "="),
    "://",
)
"""One of which is in each of the forms: most texts have none, and need no search for the forms."""
_REFERENCE = re.compile(
    r"arn:|https?://|s3://|(/[\w.-]+){2,}/?$|\{\{resolve:|\$\{|(?i:true|false|none|null|yes|no|on|off)$|-?\d{1,6}$"
)
"""What is no secret under whatever name: an ARN, an address, a path of parameters, a flag, a number."""


def named_secret(name: str) -> bool:
    """Whether a name is that of a secret, in whatever way its words are put together."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    pairs = itertools.pairwise(words)
    keys = any(second in ("key", "keys") and first in _KEYS for first, second in pairs)
    return keys or words[-1] in ("pass", "passw") or bool(_ALONE & set(words))


def looks_secret(value: str) -> bool:
    """Whether a text has the form of a provider's key, or holds one."""
    return any(mark in value for mark in _MARKS) and bool(_VALUE.search(value))


def is_secret(name: str, value: Any) -> bool:
    """Whether a value is a secret, by itself or by the name that it has."""
    if not isinstance(value, str):
        return named_secret(name) and not isinstance(value, bool | int | float | type(None))
    if looks_secret(value):
        return True
    return bool(value) and named_secret(name) and not _REFERENCE.match(value)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What is at the ends of maps and lists, with its path."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if members is None:
        yield path, value
        return
    for key, item in members:
        yield from leaves(item, (*path, str(key)))
