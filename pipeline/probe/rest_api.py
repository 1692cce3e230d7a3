"""How a REST API spells headers' names in templates, and whether its validator takes a member that is named twice."""

import json
from typing import Any

import urllib3

from pipeline.probe.asking import Asking, ProbeFailed

STAGE = "probe"
HEADER = "X-Eda-Probe"
SEEN = {"as-sent": 200, "lower-case": 202, "neither": 404}
"""What the mock answers, by how the header's name is spelt in the template."""
TEMPLATE = f"""
#set($names = $input.params().header)
#if($names.containsKey("{HEADER}")){{"statusCode": {SEEN["as-sent"]}}}
#elseif($names.containsKey("{HEADER.lower()}")){{"statusCode": {SEEN["lower-case"]}}}
#else{{"statusCode": {SEEN["neither"]}}}
#end
"""


def ask(asking: Asking) -> dict[str, str]:
    """A REST API with a mock behind it is asked over HTTP/1.1; it is open to everybody for that time.

    Returns:
        The values of ``apigateway-header-names`` and ``apigateway-repeated-member``.

    Raises:
        ProbeFailed: it did not answer as one that is ready does.
    """
    gateway = asking.client("apigateway")
    api = gateway.create_rest_api(name=asking.name, endpointConfiguration={"types": ["REGIONAL"]})["id"]
    asking.undo.callback(gateway.delete_rest_api, restApiId=api)
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(_document(asking.name)).encode())
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName=STAGE, deploymentId=deployment)
    url = f"{asking.invoke_url(api, STAGE)}/orders"
    with urllib3.PoolManager(retries=False, timeout=10) as pool:

        def status(body: str) -> int:
            headers = {HEADER: "1", "Content-Type": "application/json"}
            return int(pool.request("POST", url, body=body, headers=headers).status)

        # A new stage answers 403 for some seconds.
        ready = asking.until(
            lambda: next((found for found in [status('{"n": 1}')] if found != 403), None), "an answer", 90
        )
        names = next((name for name, code in SEEN.items() if code == ready), None)
        if names is None:
            raise ProbeFailed(f"the probe's API answers {ready}")
        repeated = status('{"n": 1, "n": 2}')
    return {"apigateway-header-names": names, "apigateway-repeated-member": "refused" if repeated == 400 else "taken"}


def _document(name: str) -> dict[str, Any]:
    responses = {str(code): {"description": spelt} for spelt, code in SEEN.items()}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    integration = {
        "type": "mock",
        "requestTemplates": {"application/json": TEMPLATE},
        "passthroughBehavior": "never",
        # The one without a pattern is the default.
        "responses": {"default" if code == "200" else code: {"statusCode": code} for code in responses},
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": name, "version": "1"},
        "components": {"schemas": {"Numbered": schema}},
        "x-amazon-apigateway-request-validators": {
            "body": {"validateRequestBody": True, "validateRequestParameters": False}
        },
        "x-amazon-apigateway-request-validator": "body",
        "paths": {
            "/orders": {
                "post": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Numbered"}}}
                    },
                    "responses": responses,
                    "x-amazon-apigateway-integration": integration,
                }
            }
        },
    }
