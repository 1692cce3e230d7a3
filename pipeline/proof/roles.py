"""The roles of a deployed program, whose statements can be taken away for a while."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"


class Roles:
    """Inline policies by the logical name of their resource.

    Args:
        iam: an IAM client.
        policies: the states of the ``RolePolicy`` resources, by logical name.
    """

    def __init__(self, iam: Any, policies: Mapping[str, Mapping[str, Any]]) -> None:
        self._iam = iam
        self._policies = policies
        self._documents = {name: json.loads(state["policy"]) for name, state in policies.items()}
        self._missing: list[tuple[str, str, str]] = []

    @property
    def names(self) -> list[str]:
        """The logical names."""
        return list(self._documents)

    def actions(self, role: str) -> dict[str, list[str]]:
        """The actions of each statement of a role, by the statement's Sid."""
        return {
            statement["Sid"]: [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            for statement in self._documents[role]["Statement"]
        }

    @contextlib.contextmanager
    def without(self, role: str, sid: str, action: str = "") -> Iterator[None]:
        """Take a statement away, on top of what is missing already, and give it back at the end.

        Args:
            role: logical name of the policy.
            sid: the statement.
            action: the one of its actions that is taken away; empty is all of them.
        """
        missing = (role, sid, action)
        self._missing.append(missing)
        try:
            self._write(role)
            yield
        finally:
            self._missing.remove(missing)
            self._write(role)

    def _write(self, role: str) -> None:
        state, document = self._policies[role], self._documents[role]
        left = []
        for statement in document["Statement"]:
            sid = statement["Sid"]
            actions = [action for action in self.actions(role)[sid] if (role, sid, action) not in self._missing]
            if actions and (role, sid, "") not in self._missing:
                left.append({**statement, "Action": actions})
        policy = {"RoleName": state["role"], "PolicyName": state["name"]}
        if left:
            self._iam.put_role_policy(**policy, PolicyDocument=json.dumps({**document, "Statement": left}))
        else:
            self._iam.delete_role_policy(**policy)
