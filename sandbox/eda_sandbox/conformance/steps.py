"""What a case can ask: a call of an API, SQL, a workflow, a function, a request to a REST API."""

import io
import json
import secrets
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import boto3
import botocore.config
from botocore import xform_name
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.response import StreamingBody

from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.errors import SandboxError

EXPECTED = frozenset({"answer", "error", "message", "rows", "types", "keep", "until", "as", "with"})
"""A step's members beside what is asked."""
SECONDS = 60
"""How long a query or an execution may take."""


class ErrorAnswer(Exception):
    """A query, or a request, that was refused in another way than by an error of an API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Place:
    """Where cases run: the embedded AWS, and what all of them share."""

    def __init__(self, aws: Sandbox) -> None:
        self.aws = aws
        self._unchecked: dict[str, Any] = {}
        self.answered: dict[tuple[str, ...], dict[str, Any]] = {}
        """What expressions of one list gave in one query."""

    def client(self, service: str, statements: list[Any] | None = None) -> Any:
        """A client of the account's root, or of a role with these IAM statements alone."""
        if statements is None:
            return self.aws.client(service)
        return self.aws.cloud.client(service, self.role("lambda.amazonaws.com", statements), "lambda.amazonaws.com")

    def unchecked(self, service: str) -> Any:
        """A client of the account's root that checks nothing before it sends; made once."""
        if service not in self._unchecked:
            self._unchecked[service] = self.new_client(service, ROOT_KEY, ROOT_SECRET, None)
        return self._unchecked[service]

    def new_client(self, service: str, key: str | None, secret: str | None, token: str | None) -> Any:
        """A client with these credentials that checks nothing before it sends."""
        made: Callable[..., Any] = boto3.client
        return made(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=self.aws.cloud.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            # What boto3 would refuse, AWS refuses in its own words.
            config=botocore.config.Config(
                parameter_validation=False, retries={"total_max_attempts": 1}, inject_host_prefix=False
            ),
        )

    def role(self, principal: str, statements: list[Any]) -> str:
        """A role's ARN; a text is the ARN of a managed policy, what has no ``Effect`` is allowed, what has no
        ``Resource`` is for all of them."""
        name = f"conformance-{secrets.token_hex(6)}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principal}}
        iam = self.aws.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))
        for arn in [one for one in statements if isinstance(one, str)]:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        inline = [one for one in statements if not isinstance(one, str)]
        if inline:
            completed = [
                {"Effect": "Allow", **one, **({} if "NotResource" in one else {"Resource": one.get("Resource", "*")})}
                for one in inline
            ]
            iam.put_role_policy(RoleName=name, PolicyName="case", PolicyDocument=_policy(completed))
        return str(made["Role"]["Arn"])

    @cached_property
    def athena(self) -> dict[str, Any]:
        """Where queries run: a workgroup and a database."""
        name = f"conformance-{secrets.token_hex(6)}"
        database = name.replace("-", "_")
        region = {"LocationConstraint": self.aws.cloud.region}
        self.aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=region)
        self.aws.client("glue").create_database(DatabaseInput={"Name": database})
        results = {"ResultConfiguration": {"OutputLocation": f"s3://{name}/results/"}}
        self.aws.client("athena").create_work_group(Name=name, Configuration=results)
        return {"WorkGroup": name, "QueryExecutionContext": {"Database": database}}

    @cached_property
    def redshift(self) -> dict[str, str]:
        """Where statements run: a workgroup and its database; its administrator is ``admin``."""
        name = f"conformance-{secrets.token_hex(6)}"
        serverless = self.aws.client("redshift-serverless")
        copier = self.role("redshift-serverless.amazonaws.com", [{"Action": "s3:*"}])
        serverless.create_namespace(
            namespaceName=name,
            dbName="dev",
            adminUsername="admin",
            manageAdminPassword=True,
            iamRoles=[copier],
            defaultIamRoleArn=copier,
        )
        serverless.create_workgroup(workgroupName=name, namespaceName=name, baseCapacity=8)
        return {"WorkgroupName": name, "Database": "dev"}


@dataclass
class Asked:
    """What a step asks.

    Attributes:
        place: where.
        id: a name that no other case has.
        what: what stands under the step's name.
        more: what stands under ``with``.
        statements: of the caller's role, or None where the account's root calls.
        keep: keeps a variable for later steps.
    """

    place: Place
    id: str
    what: Any
    more: Any
    statements: list[Any] | None
    keep: Callable[[str, Any], None]


def call(operation: str, asked: Asked) -> dict[str, Any]:
    """``service.Operation``: a call by the API model's name, checked by nobody before it is sent."""
    service, _, name = operation.partition(".")
    client = _unchecked(asked.place, service, asked.statements)
    answer: dict[str, Any] = getattr(client, xform_name(name))(**(asked.what or {}))
    return {member: _plain(value) for member, value in answer.items()}


def _unchecked(place: Place, service: str, statements: list[Any] | None) -> Any:
    if statements is None:
        return place.unchecked(service)
    role = place.role("lambda.amazonaws.com", statements)
    credentials = place.aws.cloud.credentials(role, "lambda.amazonaws.com").get_frozen_credentials()
    return place.new_client(service, credentials.access_key, credentials.secret_key, credentials.token)


def _plain(value: Any) -> Any:
    """An answer's value as YAML has it: texts for times, bytes for bodies."""
    if isinstance(value, StreamingBody):
        return value.read()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def athena(asked: Asked) -> dict[str, Any]:
    """``athena: SQL``: rows as Athena prints them, and the types of the columns."""
    client = asked.place.client("athena", asked.statements)
    id = client.start_query_execution(QueryString=asked.what, **asked.place.athena)["QueryExecutionId"]
    status = _ended(lambda: client.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"], "State")
    if status["State"] != "SUCCEEDED":
        raise ErrorAnswer(status["State"], status.get("StateChangeReason", ""))
    found = client.get_query_results(QueryExecutionId=id)
    rows = [[cell.get("VarCharValue") for cell in row["Data"]] for row in found["ResultSet"]["Rows"]]
    columns = found["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
    selects = asked.what.lstrip("( \n").lower().startswith(("select", "with", "values"))
    return {"rows": rows[1:] if selects else rows, "types": [column["Type"] for column in columns]}


def redshift(asked: Asked) -> dict[str, Any]:
    """``redshift: SQL``, or a list of it for one transaction: the last one's rows and types."""
    data = asked.place.client("redshift-data", asked.statements)
    if isinstance(asked.what, list):
        id = data.batch_execute_statement(Sqls=asked.what, **asked.place.redshift)["Id"]
    else:
        id = data.execute_statement(Sql=asked.what, **asked.place.redshift)["Id"]
    found = _ended(lambda: data.describe_statement(Id=id), "Status")
    if found["Status"] != "FINISHED":
        raise ErrorAnswer(found["Status"], found.get("Error", ""))
    last = found.get("SubStatements", [found])[-1]
    if not last["HasResultSet"]:
        return {"rows": [], "types": []}
    result = data.get_statement_result(Id=last["Id"])
    rows = [[None if "isNull" in cell else next(iter(cell.values())) for cell in row] for row in result["Records"]]
    return {"rows": rows, "types": [column["typeName"] for column in result["ColumnMetadata"]]}


def execution(asked: Asked) -> dict[str, Any]:
    """``execution: {definition, input, type, statements}``: its end, with its history; ``statements`` are those of
    the machine's role, default: everything."""
    client = asked.place.client("stepfunctions")
    given = asked.what
    machine = client.create_state_machine(
        name=f"m-{secrets.token_hex(6)}",
        definition=given["definition"] if isinstance(given["definition"], str) else json.dumps(given["definition"]),
        roleArn=asked.place.role("states.amazonaws.com", given.get("statements", [{"Action": "*"}])),
        type=given.get("type", "STANDARD"),
    )["stateMachineArn"]
    text = given["input"] if isinstance(given.get("input"), str) else json.dumps(given.get("input", {}))
    if given.get("type") == "EXPRESS":
        found = client.start_sync_execution(stateMachineArn=machine, input=text)
        events: list[Any] = []
    else:
        arn = client.start_execution(stateMachineArn=machine, input=text)["executionArn"]
        found = _ended(lambda: client.describe_execution(executionArn=arn), "status")
        events = _plain(client.get_execution_history(executionArn=arn)["events"])
    ended = {name: _plain(value) for name, value in found.items() if name != "ResponseMetadata"}
    if "output" in ended:
        ended["output"] = json.loads(ended["output"])
    return {**ended, "events": events, "history": [event["type"] for event in events]}


def function(asked: Asked) -> dict[str, Any]:
    """``function: source``: a function whose handler is ``handler``, its settings under ``with``, the statements of its
    role under ``as``; its name is kept as ``function``, its ARN as ``function_arn``."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("code.py", asked.what)
    made: dict[str, Any] = asked.place.client("lambda").create_function(
        **{
            "FunctionName": f"f-{secrets.token_hex(6)}",
            "Runtime": "python3.13",
            "Handler": "code.handler",
            "Code": {"ZipFile": archive.getvalue()},
            "Role": asked.place.role("lambda.amazonaws.com", asked.statements or []),
            **asked.more,
        }
    )
    asked.keep("function", made["FunctionName"])
    asked.keep("function_arn", made["FunctionArn"])
    return {name: _plain(value) for name, value in made.items()}


def invoke(asked: Asked) -> dict[str, Any]:
    """``invoke: event``: of the function that was made; ``{error, payload}``."""
    name = asked.more.get("FunctionName", "")
    answer = asked.place.client("lambda").invoke(
        **{**asked.more, "FunctionName": name, "Payload": json.dumps(asked.what)}
    )
    text = answer["Payload"].read()
    return {
        "error": answer.get("FunctionError"),
        "payload": json.loads(text) if text else None,
        "log": answer.get("LogResult"),
        "version": answer.get("ExecutedVersion"),
    }


def api(asked: Asked) -> dict[str, Any]:
    """``api: OpenAPI document``: imported and deployed to a stage ``test``; its address is kept as ``api``, its id as
    ``api_id``; a stage's settings under ``with``."""
    client = asked.place.client("apigateway")
    made = client.create_rest_api(name=asked.id)["id"]
    found = client.put_rest_api(
        restApiId=made, mode="overwrite", body=json.dumps(asked.what), **asked.more.get("import", {})
    )
    deployment = client.create_deployment(restApiId=found["id"])["id"]
    client.create_stage(restApiId=found["id"], stageName="test", deploymentId=deployment, **asked.more.get("stage", {}))
    asked.keep("api_id", found["id"])
    asked.keep("api", f"{asked.place.aws.endpoint}/_aws/execute-api/{found['id']}/test")
    return {name: _plain(value) for name, value in found.items()}


def http(asked: Asked) -> dict[str, Any]:
    """``http: METHOD URL``: ``headers``, ``body`` and ``sign`` (as root) under ``with``; ``{status, headers, body,
    text}``, the body read as JSON where it is JSON."""
    method, _, url = asked.what.partition(" ")
    body = asked.more.get("body")
    sent = body if isinstance(body, bytes) else None if body is None else _text(body).encode()
    headers = dict(asked.more.get("headers", {}))
    if asked.more.get("sign"):
        signed = AWSRequest(method, url, headers, sent)
        SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "execute-api", asked.place.aws.cloud.region).add_auth(signed)
        headers = dict(signed.headers)
    request = urllib.request.Request(url, sent, headers, method=method)  # noqa: S310 - the sandbox's own address
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            status, found, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, found, text = error.code, error.headers, error.read()
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    return {
        "status": status,
        "headers": {name.lower(): value for name, value in found.items()},
        "body": parsed,
        "text": text.decode(errors="replace"),
    }


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)


def _policy(statements: list[Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _ended(ask: Callable[[], Any], member: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while True:
        found = ask()
        if found[member] not in ("QUEUED", "RUNNING", "SUBMITTED", "PICKED", "STARTED"):
            return found
        if time.monotonic() > deadline:
            raise SandboxError(f"it is {found[member]} after {SECONDS} s")
        time.sleep(0.01)


STEPS: dict[str, Callable[[Asked], Any]] = {
    step.__name__: step for step in (api, athena, execution, function, http, invoke, redshift)
}
