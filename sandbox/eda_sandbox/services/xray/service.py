"""The API of AWS X-Ray: what a stack configures. Nothing is recorded, so there are no traces to query."""

import threading
import time
import uuid
from typing import Any

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.service import Service

MAX_GROUPS = 25
"""Groups of an account and region (X-Ray quotas)."""
MAX_RULES = 25
"""Sampling rules of an account and region (X-Ray quotas)."""


class XRay(Service):
    """Groups and sampling rules."""

    name = "xray"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._groups: dict[str, dict[str, Any]] = {}
        self._rules: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The group or the rule where it is named; of groups an ARN ends with an id, which a name does not tell."""
        if "ResourceARN" in request:
            return str(request["ResourceARN"])
        rule = request.get("SamplingRule") or request.get("SamplingRuleUpdate") or request
        if rule.get("RuleName"):
            return self._rule_arn(rule["RuleName"])
        if request.get("GroupARN"):
            return str(request["GroupARN"])
        if request.get("GroupName"):
            return self.cloud.arn("xray", f"group/{request['GroupName']}/*")
        return "*"

    def create_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateGroup."""
        name = request["GroupName"]
        with self._lock:
            if name in self._groups:
                raise _invalid(f"Group {name} already exists")
            if len(self._groups) >= MAX_GROUPS:
                raise _invalid(f"there are {MAX_GROUPS} groups already")
            arn = self.cloud.arn("xray", f"group/{name}/{uuid.uuid4().hex[:26].upper()}")
            group = {"GroupName": name, "GroupARN": arn, **_settings(request)}
            self._groups[name] = group
            self._tag(arn, request)
        return {"Group": group}

    def update_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateGroup."""
        with self._lock:
            group = self._group(request)
            group.update(_settings({**group, **request}))
        return {"Group": group}

    def get_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetGroup."""
        with self._lock:
            return {"Group": self._group(request)}

    def get_groups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetGroups; there are too few for pages."""
        with self._lock:
            return {"Groups": list(self._groups.values())}

    def delete_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteGroup."""
        with self._lock:
            group = self._group(request)
            del self._groups[group["GroupName"]]
            self._tags.pop(group["GroupARN"], None)
        return {}

    def create_sampling_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateSamplingRule."""
        given = request["SamplingRule"]
        name = given.get("RuleName")
        if name is None:
            raise _invalid("RuleName is missing")
        if given["Version"] != 1:
            raise _invalid("Version must be 1")
        with self._lock:
            if name in self._rules:
                raise _invalid(f"Sampling rule {name} already exists")
            if len(self._rules) >= MAX_RULES:
                raise AwsError("RuleLimitExceededException", f"there are {MAX_RULES} sampling rules already")
            now = time.time()
            rule = {"Attributes": {}, **given, "RuleARN": self._rule_arn(name)}
            self._rules[name] = {"SamplingRule": rule, "CreatedAt": now, "ModifiedAt": now}
            self._tag(rule["RuleARN"], request)
            return {"SamplingRuleRecord": self._rules[name]}

    def update_sampling_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateSamplingRule."""
        update = request["SamplingRuleUpdate"]
        with self._lock:
            record = self._rule(update)
            record["SamplingRule"].update({name: value for name, value in update.items() if name != "RuleARN"})
            record["ModifiedAt"] = time.time()
        return {"SamplingRuleRecord": record}

    def get_sampling_rules(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetSamplingRules; there are too few for pages."""
        with self._lock:
            return {"SamplingRuleRecords": list(self._rules.values())}

    def delete_sampling_rule(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteSamplingRule."""
        with self._lock:
            record = self._rule(request)
            rule = record["SamplingRule"]
            del self._rules[rule["RuleName"]]
            self._tags.pop(rule["RuleARN"], None)
        return {"SamplingRuleRecord": record}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        with self._lock:
            self._tagged(request).update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        with self._lock:
            for key in request["TagKeys"]:
                self._tagged(request).pop(key, None)
        return {}

    def list_tags_for_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTagsForResource."""
        with self._lock:
            return {"Tags": [{"Key": key, "Value": value} for key, value in self._tagged(request).items()]}

    def _tag(self, arn: str, request: dict[str, Any]) -> None:
        self._tags[arn] = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}

    def _tagged(self, request: dict[str, Any]) -> dict[str, str]:
        tags = self._tags.get(request["ResourceARN"])
        if tags is None:
            raise AwsError("ResourceNotFoundException", f"there is no {request['ResourceARN']}")
        return tags

    def _group(self, request: dict[str, Any]) -> dict[str, Any]:
        for group in self._groups.values():
            if group["GroupARN"] == request.get("GroupARN") or group["GroupName"] == request.get("GroupName"):
                return group
        raise _invalid("The group does not exist")

    def _rule(self, request: dict[str, Any]) -> dict[str, Any]:
        for record in self._rules.values():
            rule = record["SamplingRule"]
            if rule["RuleARN"] == request.get("RuleARN") or rule["RuleName"] == request.get("RuleName"):
                return record
        raise _invalid("The sampling rule does not exist")

    def _rule_arn(self, name: str) -> str:
        return self.cloud.arn("xray", f"sampling-rule/{name}")


def _settings(request: dict[str, Any]) -> dict[str, Any]:
    insights = {"InsightsEnabled": False, "NotificationsEnabled": False, **request.get("InsightsConfiguration", {})}
    return {"FilterExpression": request.get("FilterExpression", ""), "InsightsConfiguration": insights}


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)
