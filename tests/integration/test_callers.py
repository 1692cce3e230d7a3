"""Other callers than AWS_IAM's: Cognito users, API keys, everybody; throttling; what the account lacks."""

import json
import secrets
from pathlib import Path
from typing import Any

import urllib3
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy

PROGRAM = """
import pulumi, pulumi_aws as aws
from pulumi_aws_eda import Authorization, EventApi, IdempotentLambda, archives
config = pulumi.Config()
echo = IdempotentLambda("echo", {"code": archives.directory_archive("code"), "reserved_concurrent_executions": 5})
api = EventApi("api", {
    "routes": {"GET /who": {
        "function": {"function_name": echo.function_name, "invoke_arn": echo.invoke_arn},
        "throttling_rate_limit": 1, "throttling_burst_limit": config.require_int("burst"),
    }},
    "authorization": config.require("authorization"),
    **({"user_pool_arns": [config.require("pool")]} if config.get("pool") else {}),
})
pulumi.export("url", api.url)
pulumi.export("key", api.api_key_value)
pulumi.export("function", echo.function_name)
"""
HANDLER = """
from eda_runtime.http import response, tenant_of
def handle(event, context):
    return response(200, {"tenant": tenant_of(event)})
"""


def api(deploy_here: Deploy, folder: Path, authorization: str, burst: int = 100, **config: str) -> Stack:
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: callers\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    given = {"authorization": authorization, "burst": burst, **config}
    return deploy_here(folder / "__main__.py", f"s{secrets.token_hex(3)}", given)


def get(stack: Stack, **headers: str) -> tuple[int, dict[str, Any], Any]:
    answer = urllib3.request("GET", f"{stack.outputs['url']}/who", headers=headers, retries=False)
    return answer.status, json.loads(answer.data), answer.headers


def test_an_api_key_lets_in_and_names_the_tenant(deploy_here: Deploy, tmp_path: Path) -> None:
    stack = api(deploy_here, tmp_path, "API_KEY")
    status, body, headers = get(stack)
    assert (status, body["title"], headers["content-type"]) == (403, "Forbidden", "application/problem+json")
    assert get(stack, **{"x-api-key": "wrong"})[0] == 403
    status, body, _ = get(stack, **{"x-api-key": stack.outputs["key"]})
    assert status == 200
    assert body["tenant"].startswith("key:")
    assert stack.outputs["key"] not in body["tenant"]


def test_a_user_of_the_pool_gets_in_by_the_id_token(aws: Sandbox, deploy_here: Deploy, tmp_path: Path) -> None:
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool["Id"],
        ClientName="c",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]
    password = "Long-enough-1!"
    cognito.admin_create_user(UserPoolId=pool["Id"], Username="joe", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool["Id"], Username="joe", Password=password, Permanent=True)
    tokens = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH", ClientId=client, AuthParameters={"USERNAME": "joe", "PASSWORD": password}
    )["AuthenticationResult"]
    stack = api(deploy_here, tmp_path, "COGNITO", pool=pool["Arn"])
    assert get(stack)[0] == 401
    assert get(stack, Authorization="Bearer x.y.z")[0] == 401
    assert get(stack, Authorization=tokens["AccessToken"])[0] == 401
    status, body, _ = get(stack, Authorization=tokens["IdToken"])
    assert status == 200
    user = cognito.admin_get_user(UserPoolId=pool["Id"], Username="joe")
    assert body["tenant"] == next(a["Value"] for a in user["UserAttributes"] if a["Name"] == "sub")


def test_everybody_gets_in_where_the_config_says_so(deploy_here: Deploy, tmp_path: Path) -> None:
    assert get(api(deploy_here, tmp_path, "NONE"))[:2] == (200, {"tenant": "public"})


def test_too_many_requests_are_told_to_come_again(aws: Sandbox, deploy_here: Deploy, tmp_path: Path) -> None:
    stack = api(deploy_here, tmp_path, "NONE", burst=2)
    speed, aws.cloud.clock.speed = aws.cloud.clock.speed, 1
    try:
        answers = [get(stack) for _ in range(6)]
    finally:
        aws.cloud.clock.speed = speed
    refused = [answer for answer in answers if answer[0] == 429]
    assert refused
    assert all(headers["retry-after"] == "2" for _, _, headers in refused)


def test_a_function_at_its_limit_is_not_available_for_now(aws: Sandbox, deploy_here: Deploy, tmp_path: Path) -> None:
    stack = api(deploy_here, tmp_path, "NONE")
    aws.client("lambda").put_function_concurrency(
        FunctionName=stack.outputs["function"], ReservedConcurrentExecutions=0
    )
    status, body, headers = get(stack)
    assert (status, body["status"], headers["retry-after"]) == (503, 503, "2")
