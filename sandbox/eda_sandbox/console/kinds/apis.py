"""REST APIs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.console.nodes import Kind, Mention, Node


class Apis(Kind):
    """REST APIs of API Gateway."""

    kind, title, service = "api", "REST API", "apigateway"

    def nodes(self) -> Iterator[Node]:
        """All REST APIs."""
        for api in self.client().get_rest_apis()["items"]:
            arn = self.cloud.arn("execute-api", api["id"])
            yield Node(self.kind, api["id"], arn, None, f"/aws/apigateway/{api['name']}", api["name"])

    def mentions(self, node: Node) -> Iterator[Mention]:
        """Its integrations: a function by its URI, others by what the integration's role may do."""
        for path, method, found in self._methods(node):
            integration = found.get("methodIntegration", {})
            yield Mention(json.dumps(integration.get("uri", "")), f"{method} {path}")
            if role := integration.get("credentials"):
                yield Mention(role, f"{method} {path}")

    def facts(self, node: Node) -> Mapping[str, Any]:
        """Its name and methods."""
        return {
            "Name": self.client().get_rest_api(restApiId=node.name)["name"],
            **{
                f"{method} {path}": found.get("authorizationType", "NONE")
                for path, method, found in self._methods(node)
            },
        }

    def _methods(self, node: Node) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for resource in self.client().get_resources(restApiId=node.name, embed=["methods"])["items"]:
            for method, found in resource.get("resourceMethods", {}).items():
                yield resource["path"], method, found
