"""A function's own policy: who may invoke it."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.lambda_.configuration import check_revision

POLICY_SIZE = 20_480
"""Bytes of a function's resource policy (Lambda quotas)."""
_REFUSED = ("EventSourceToken", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "PrincipalOrgID")
_NOT_HERE = "The resource you requested does not exist."


class FunctionPolicy:
    """Statements by their id, and the revision that they are."""

    def __init__(self) -> None:
        self._statements: dict[str, dict[str, Any]] = {}
        self._revision = ""

    @property
    def document(self) -> dict[str, Any]:
        """The policy."""
        return _document(self._statements.values())

    def add(self, request: Mapping[str, Any], function_arn: str) -> dict[str, Any]:
        """``AddPermission``; the statement.

        Raises:
            AwsError: the id is taken, the revision another one, or something is not offered or not valid.
        """
        for member in _REFUSED:
            if request.get(member) is not None:
                raise AwsError("InvalidParameterValueException", f"the sandbox takes no permission with {member}")
        if self._statements:
            check_revision(request.get("RevisionId"), self._revision, "GetPolicy")
        id = request["StatementId"]
        if id in self._statements:
            raise AwsError(
                "ResourceConflictException",
                f"The statement id ({id}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement.",
                409,
            )
        conditions: dict[str, Any] = {}
        if "SourceAccount" in request:
            conditions["StringEquals"] = {"AWS:SourceAccount": request["SourceAccount"]}
        if "SourceArn" in request:
            conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
        statement = {
            "Sid": id,
            "Effect": "Allow",
            "Principal": _principal(request["Principal"]),
            "Action": request["Action"],
            "Resource": function_arn,
            **({"Condition": conditions} if conditions else {}),
        }
        size = len(json.dumps(_document([*self._statements.values(), statement]), separators=(",", ":")))
        if size > POLICY_SIZE:
            problem = f"The final policy size ({size}) is bigger than the limit ({POLICY_SIZE})."
            raise AwsError("PolicyLengthExceededException", problem)
        self._statements[id] = statement
        self._revision = str(uuid.uuid4())
        return statement

    def remove(self, id: str, revision: str | None) -> None:
        """``RemovePermission``.

        Raises:
            AwsError: there is no such statement, or the revision is another one.
        """
        if not self._statements:
            raise AwsError("ResourceNotFoundException", "No policy is associated with the given resource.", 404)
        if id not in self._statements:
            raise AwsError("ResourceNotFoundException", f"Statement {id} is not found in resource policy.", 404)
        check_revision(revision, self._revision, "GetPolicy")
        del self._statements[id]
        self._revision = str(uuid.uuid4())

    def describe(self) -> dict[str, Any]:
        """``GetPolicy``.

        Raises:
            AwsError: there is none.
        """
        if not self._statements:
            raise AwsError("ResourceNotFoundException", _NOT_HERE, 404)
        return {"Policy": json.dumps(self.document, separators=(",", ":")), "RevisionId": self._revision}


def _principal(given: str) -> str | dict[str, str]:
    if given == "*":
        return given
    if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", given):
        return {"Service": given}
    if re.fullmatch(r"\d{12}", given):
        return {"AWS": f"arn:aws:iam::{given}:root"}
    if given.startswith("arn:"):
        return {"AWS": given}
    raise AwsError(
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    )


def _document(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
