"""The secret of a user who reads: a password that is made once, where nobody sees it, and what the warehouse keeps of
it."""

import hashlib
import json
import secrets
import string
from typing import Any

from botocore.exceptions import ClientError

LENGTH = 48
_LETTERS = string.ascii_letters + string.digits


def password_of(secretsmanager: Any, secret_arn: str, user: str) -> str:
    """The password that a secret holds; one that is empty gets one first.

    Args:
        secretsmanager: a Secrets Manager client.
        secret_arn: the secret; its members are ``username`` and ``password``.
        user: whose it is.
    """
    try:
        found = secretsmanager.get_secret_value(SecretId=secret_arn)["SecretString"]
    except ClientError as error:
        # A secret without a version is not found, as one that is not there; then putting a value fails too.
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        found = json.dumps({"username": user, "password": _made()})
        secretsmanager.put_secret_value(SecretId=secret_arn, SecretString=found)
    return str(json.loads(found)["password"])


def digest(user: str, password: str) -> str:
    """The password as statements, and with them logs, may hold it: MD5 of password and user, the one form whose making
    Redshift's documentation describes in full (CREATE USER). Nobody finds ``LENGTH`` random characters by it."""
    return "md5" + hashlib.md5(f"{password}{user}".encode(), usedforsecurity=False).hexdigest()


def _made() -> str:
    """With a capital, a small letter and a number, as Redshift wants them."""
    return "Aa1" + "".join(secrets.choice(_LETTERS) for _ in range(LENGTH - 3))
