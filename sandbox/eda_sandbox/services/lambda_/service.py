"""The control plane of Lambda, and ``Invoke``."""

import base64
import contextlib
import hashlib
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation import iam
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError, SandboxError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.lambda_ import dependencies
from eda_sandbox.services.lambda_.asynchronous import AsynchronousInvocations, flush_forever
from eda_sandbox.services.lambda_.event_sources import EventSourceMapping, configuration_of, described
from eda_sandbox.services.lambda_.function import PRINCIPAL, RUNTIME_VARIABLES, Function, Outcome, unpack
from eda_sandbox.services.lambda_.mapping_options import check_options, check_source
from eda_sandbox.services.lambda_.template import Template

ACCOUNT_CONCURRENCY = 1000
UNRESERVED_MINIMUM = 100
SYNC_PAYLOAD = 6 * 1024 * 1024
ASYNC_PAYLOAD = 1024 * 1024
POLICY_SIZE = 20_480
"""Bytes of a function's resource policy (Lambda quotas)."""
RUNTIMES = ("python3.11", "python3.12", "python3.13")


class Lambda(Service):
    """Functions with Python runtimes, packed as ZIP files."""

    name = "lambda"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._functions: dict[str, Function] = {}
        self._layers: dict[str, list[dict[str, Any]]] = {}
        self._mappings: dict[str, EventSourceMapping] = {}
        self._templates: dict[tuple[Path, ...], Template] = {}
        self._asynchronous = AsynchronousInvocations(cloud, self._run)

    def start(self) -> None:
        """Start the thread that writes logs.

        Raises:
            SandboxError: this system cannot run functions.
        """
        if not sys.platform.startswith("linux"):
            raise SandboxError(
                f"the sandbox runs functions with awslambdaric, which exists for Linux and not for {sys.platform}; "
                "run it in a Linux virtual machine or container (WSL on Windows)"
            )
        self.cloud.spawn(lambda: flush_forever(self._all, self.cloud.stopping), "lambda-logs")

    def stop(self) -> None:
        """End all processes."""
        self._asynchronous.close()
        self._stop_mappings()
        for function in self._all():
            function.close()
        for template in self._templates.values():
            template.close()

    def function(self, name: str) -> Function:
        """A function by its name or ARN, for who works on it beside AWS's API.

        Raises:
            AwsError: there is none.
        """
        return self._function(name)

    def flush_logs(self) -> None:
        """Write what the functions' logs have collected."""
        for function in self._all():
            function.log.flush()

    def iam_action(self, operation: str) -> str:
        """``Invoke`` is the one operation whose action is named otherwise."""
        return "lambda:InvokeFunction" if operation == "Invoke" else f"lambda:{operation}"

    def resource_arn(self, operation: str, request: dict[str, Any]) -> str:
        """The function's ARN."""
        name = request.get("FunctionName")
        return self._arn(name) if name else "*"

    def create_function(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateFunction."""
        name = _plain_name(request["FunctionName"])
        runtime = request.get("Runtime")
        if runtime not in RUNTIMES:
            raise AwsError("InvalidParameterValueException", f"the sandbox runs {', '.join(RUNTIMES)}, not {runtime}")
        with self._lock:
            if name in self._functions:
                raise AwsError("ResourceConflictException", f"Function already exist: {name}")
        # A role that Lambda cannot assume is refused at once.
        self._check_role(request["Role"])
        code, size, digest = self._unpacked(name, request["Code"])
        configuration: dict[str, Any] = {
            "MemorySize": 128,
            "Timeout": 3,
            "Architectures": ["x86_64"],
            "TracingConfig": {"Mode": "PassThrough"},
            "EphemeralStorage": {"Size": 512},
            **{key: value for key, value in request.items() if key not in ("Code", "Tags", "Publish", "Layers")},
            "FunctionName": name,
            "FunctionArn": self._arn(name),
            "CodeSize": size,
            "CodeSha256": digest,
            "Version": "$LATEST",
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }
        configuration["LoggingConfig"] = {
            "LogFormat": "Text",
            "LogGroup": f"/aws/lambda/{name}",
            **request.get("LoggingConfig", {}),
        }
        layers = self._layer_paths(request.get("Layers", []))
        configuration["Layers"] = [{"Arn": arn} for arn in request.get("Layers", [])]
        function = Function(
            self.cloud, _stamped(configuration), code, layers, self._template, tags=request.get("Tags", {})
        )
        with self._lock:
            self._functions[name] = function
        return function.configuration

    def get_function(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunction."""
        function = self._function(request["FunctionName"])
        found: dict[str, Any] = {"Configuration": function.configuration, "Tags": function.tags}
        if function.reserved is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return found

    def get_function_configuration(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunctionConfiguration."""
        return self._function(request["FunctionName"]).configuration

    def outcomes(self, name: str) -> tuple[int, Counter[str]]:
        """How many invocations of a function are in flight, and how those that ended did.

        Raises:
            AwsError: there is no such function.
        """
        function = self._function(name)
        return function.running, Counter(function.outcomes)

    def list_functions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListFunctions."""
        return {"Functions": [function.configuration for function in self._all()]}

    def update_function_code(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateFunctionCode."""
        function = self._function(request["FunctionName"])
        code, size, digest = self._unpacked(function.name, request)
        changes = {"CodeSize": size, "CodeSha256": digest}
        if request.get("Architectures"):
            changes["Architectures"] = request["Architectures"]
        function.configuration = _stamped({**function.configuration, **changes})
        function.replace_code(code)
        return function.configuration

    def update_function_configuration(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateFunctionConfiguration."""
        function = self._function(request["FunctionName"])
        changes = {key: value for key, value in request.items() if key not in ("FunctionName", "RevisionId")}
        if "Layers" in changes:
            function.layers = self._layer_paths(changes["Layers"])
            changes["Layers"] = [{"Arn": arn} for arn in changes["Layers"]]
        function.configuration = _stamped({**function.configuration, **changes})
        function.retire()
        return function.configuration

    def delete_function(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteFunction."""
        function = self._function(request["FunctionName"])
        with self._lock:
            del self._functions[function.name]
        function.close()
        return {}

    def publish_layer_version(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PublishLayerVersion."""
        name = request["LayerName"]
        with self._lock:
            versions = self._layers.setdefault(name, [])
            number = len(versions) + 1
            content = self._archive(request["Content"])
            # Many functions bring the same layer: its files are there once.
            folder = self.cloud.folder / "layers" / hashlib.sha256(content).hexdigest()
            self._unpack(content, folder)
            arn = self.cloud.arn("lambda", f"layer:{name}")
            version = {
                "LayerArn": arn,
                "LayerVersionArn": f"{arn}:{number}",
                "Version": number,
                "Description": request.get("Description", ""),
                "CompatibleRuntimes": request.get("CompatibleRuntimes", []),
                "CompatibleArchitectures": request.get("CompatibleArchitectures", []),
                "Content": {"CodeSha256": _digest(content), "CodeSize": len(content)},
                "folder": folder,
            }
            versions.append(version)
        return version

    def get_layer_version_by_arn(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetLayerVersionByArn."""
        name, number = request["Arn"].split(":")[-2:]
        for version in self._layers.get(name, []):
            if str(version["Version"]) == number and not version.get("deleted"):
                return version
        raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)

    def delete_layer_version(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteLayerVersion; functions that use it keep it."""
        for version in self._layers.get(request["LayerName"].rsplit(":", 1)[-1], []):
            if version["Version"] == request["VersionNumber"]:
                version["deleted"] = True
        return {}

    def put_function_concurrency(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutFunctionConcurrency."""
        function, wanted = self._function(request["FunctionName"]), request["ReservedConcurrentExecutions"]
        others = sum(f.reserved or 0 for f in self._all() if f is not function)
        if ACCOUNT_CONCURRENCY - others - wanted < UNRESERVED_MINIMUM:
            raise AwsError(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}].",
            )
        function.reserved = wanted
        return {"ReservedConcurrentExecutions": wanted}

    def get_function_concurrency(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunctionConcurrency."""
        reserved = self._function(request["FunctionName"]).reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def delete_function_concurrency(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteFunctionConcurrency."""
        self._function(request["FunctionName"]).reserved = None
        return {}

    def get_account_settings(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetAccountSettings."""
        reserved = sum(function.reserved or 0 for function in self._all())
        return {
            "AccountLimit": {
                "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - reserved,
            },
            "AccountUsage": {"FunctionCount": len(self._functions)},
        }

    def add_permission(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """AddPermission."""
        function, statement_id = self._function(request["FunctionName"]), request["StatementId"]
        if statement_id in function.policy:
            raise AwsError("ResourceConflictException", f"The statement id ({statement_id}) provided already exists.")
        conditions: dict[str, Any] = {}
        if "SourceArn" in request:
            conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
        if "SourceAccount" in request:
            conditions["StringEquals"] = {"AWS:SourceAccount": request["SourceAccount"]}
        principal = request["Principal"]
        statement = {
            "Sid": statement_id,
            "Effect": "Allow",
            "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else {"AWS": principal},
            "Action": request["Action"],
            "Resource": function.arn,
            **({"Condition": conditions} if conditions else {}),
        }
        size = len(json.dumps(_policy([*function.policy.values(), statement]), separators=(",", ":")))
        if size > POLICY_SIZE:
            problem = f"The final policy size ({size}) is bigger than the limit ({POLICY_SIZE})."
            raise AwsError("PolicyLengthExceededException", problem)
        function.policy[statement_id] = statement
        return {"Statement": json.dumps(statement)}

    def remove_permission(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """RemovePermission."""
        if self._function(request["FunctionName"]).policy.pop(request["StatementId"], None) is None:
            raise AwsError("ResourceNotFoundException", f"Statement {request['StatementId']} is not found")
        return {}

    def get_policy(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetPolicy."""
        function = self._function(request["FunctionName"])
        if not function.policy:
            raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.")
        return {"Policy": json.dumps(_policy(function.policy.values()))}

    def put_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutFunctionEventInvokeConfig."""
        function = self._function(request["FunctionName"])
        kept = {key: value for key, value in request.items() if key not in ("FunctionName", "Qualifier")}
        function.event_invoke_config = kept
        return {"FunctionArn": f"{function.arn}:$LATEST", "LastModified": datetime.now(UTC), **kept}

    def get_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunctionEventInvokeConfig."""
        function = self._function(request["FunctionName"])
        if function.event_invoke_config is None:
            raise AwsError(
                "ResourceNotFoundException", f"The function {function.arn} doesn't have an EventInvokeConfig"
            )
        return {"FunctionArn": f"{function.arn}:$LATEST", **function.event_invoke_config}

    def delete_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteFunctionEventInvokeConfig."""
        self._function(request["FunctionName"]).event_invoke_config = None
        return {}

    def create_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateEventSourceMapping, for queues, table streams and Kinesis streams."""
        function = self._function(request["FunctionName"])
        others = [described(mapping) for mapping in self._mappings.values()]
        check_source(self.cloud, request.get("EventSourceArn", ""), function, others)
        mapping = EventSourceMapping(
            self.cloud,
            configuration_of(request, function, self.cloud),
            function,
            self._run,
            tags=dict(request.get("Tags", {})),
        )
        with self._lock:
            self._mappings[mapping.configuration["UUID"]] = mapping
        if mapping.configuration["State"] == "Enabled":
            mapping.start()
        return described(mapping)

    def get_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetEventSourceMapping."""
        return described(self._mapping(request["UUID"]))

    def list_event_source_mappings(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListEventSourceMappings, of a function and a source where they are named."""
        wanted = {"EventSourceArn": request.get("EventSourceArn")}
        if "FunctionName" in request:
            wanted["FunctionArn"] = self._function(request["FunctionName"]).arn
        found = [described(mapping) for mapping in self._mappings.values()]
        named = {key: value for key, value in wanted.items() if value is not None}
        return {"EventSourceMappings": [mapping for mapping in found if named.items() <= mapping.items()]}

    def update_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateEventSourceMapping; what is polled goes on from where it is."""
        mapping = self._mapping(request["UUID"])
        check_options(mapping.configuration["EventSourceArn"], {**mapping.configuration, **request})
        changes = {key: value for key, value in request.items() if key not in ("UUID", "Enabled", "FunctionName")}
        if "FunctionName" in request:
            mapping.function = self._function(request["FunctionName"])
            changes["FunctionArn"] = mapping.function.arn
        mapping.configuration |= changes
        enabled = mapping.configuration["State"] == "Enabled"
        if request.get("Enabled", enabled) != enabled:
            mapping.configuration["State"] = "Disabled" if enabled else "Enabled"
            if enabled:
                mapping.stopped.set()
            else:
                mapping.stopped = threading.Event()
                mapping.start()
        return described(mapping)

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource, of a function or an event source mapping."""
        self._tagged(request["Resource"]).update(request["Tags"])
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        for key in request["TagKeys"]:
            self._tagged(request["Resource"]).pop(key, None)
        return {}

    def list_tags(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTags."""
        return {"Tags": self._tagged(request["Resource"])}

    def delete_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteEventSourceMapping."""
        mapping = self._mapping(request["UUID"])
        mapping.stopped.set()
        del self._mappings[request["UUID"]]
        return described(mapping)

    def invoke(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Invoke, synchronously, asynchronously or dry."""
        function = self._function(request["FunctionName"])
        payload, kind = request.get("Payload") or b"{}", request.get("InvocationType", "RequestResponse")
        self._check_resource_policy(function, caller)
        limit = ASYNC_PAYLOAD if kind == "Event" else SYNC_PAYLOAD
        if len(payload) > limit:
            raise AwsError(
                "RequestTooLargeException",
                f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            )
        try:
            json.loads(payload)
        except ValueError as error:
            raise AwsError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        if kind == "DryRun":
            return {"StatusCode": 204, "Payload": b""}
        if kind == "Event":
            self._asynchronous.accept(function, payload)
            return {"StatusCode": 202, "Payload": b""}
        outcome = self._run(function, payload)
        answer = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": outcome.payload}
        if outcome.function_error:
            answer["FunctionError"] = outcome.function_error
        return answer

    def _run(self, function: Function, payload: bytes) -> Outcome:
        with self._lock:
            reserved = function.reserved
            limit = (
                reserved if reserved is not None else ACCOUNT_CONCURRENCY - sum(f.reserved or 0 for f in self._all())
            )
            busy = (
                function.running if reserved is not None else sum(f.running for f in self._all() if f.reserved is None)
            )
            if busy >= limit:
                reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
                raise AwsError(
                    "TooManyRequestsException",
                    "Rate Exceeded.",
                    Reason=reason if reserved is not None else "ConcurrentInvocationLimitExceeded",
                    Type="User",
                )
            function.running += 1
        try:
            return function.invoke(payload)
        finally:
            with self._lock:
                function.running -= 1

    def _tagged(self, arn: str) -> dict[str, str]:
        kind, _, name = arn.partition(f":{self.cloud.account}:")[2].partition(":")
        return self._mapping(name).tags if kind == "event-source-mapping" else self._function(arn).tags

    def _mapping(self, identifier: str) -> EventSourceMapping:
        mapping = self._mappings.get(identifier)
        if mapping is None:
            raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return mapping

    def _stop_mappings(self) -> None:
        for mapping in self._mappings.values():
            mapping.stopped.set()
        self._mappings.clear()

    def _check_resource_policy(self, function: Function, caller: Caller) -> None:
        if caller.service is None:
            return
        keys = {"aws:sourceaccount": caller.account}
        if caller.source_arn:
            keys["aws:sourcearn"] = caller.source_arn
        allowed = iam.resource_policy_allows(
            _policy(function.policy.values()),
            caller.service,
            "lambda:InvokeFunction",
            function.arn,
            self.cloud.region,
            keys,
        )
        if not allowed:
            raise AwsError(
                "AccessDeniedException",
                f"{caller.service} is not authorized to perform: lambda:InvokeFunction on resource: {function.arn}",
                403,
            )

    def _check_role(self, role_arn: str) -> None:
        try:
            self.cloud.credentials(role_arn, PRINCIPAL)
        except AwsError as error:
            raise AwsError(
                "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."
            ) from error

    def _unpacked(self, name: str, code: dict[str, Any]) -> tuple[Path, int, str]:
        content = self._archive(code)
        digest = _digest(content)
        folder = self.cloud.folder / "functions" / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
        self._unpack(content, folder)
        return folder, len(content), digest

    def _unpack(self, content: bytes, folder: Path) -> None:
        """Unpack an archive into a folder that is named after its content; what is there stays."""
        if folder.exists():
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary, "made")
            made.mkdir()
            unpack(content, made)
            dependencies.fit(made, self.cloud.folder / "dependencies")
            with contextlib.suppress(OSError):  # another request has made it meanwhile
                made.rename(folder)

    def _archive(self, code: dict[str, Any]) -> bytes:
        if "ZipFile" in code:
            return bytes(code["ZipFile"])
        if "S3Bucket" not in code:
            raise AwsError("InvalidParameterValueException", "Please provide a source for function code.")
        version = {"VersionId": code["S3ObjectVersion"]} if code.get("S3ObjectVersion") else {}
        try:
            found = self.cloud.client("s3").get_object(Bucket=code["S3Bucket"], Key=code["S3Key"], **version)
            return bytes(found["Body"].read())
        except ClientError as error:
            details = error.response["Error"]
            raise AwsError(
                "InvalidParameterValueException",
                "Error occurred while GetObject. "
                f"S3 Error Code: {details['Code']}. S3 Error Message: {details.get('Message', '')}",
            ) from error
        except BotoCoreError as error:
            raise AwsError("ServiceException", f"the code cannot be read: {error}", 500) from error

    def _template(self, layers: list[Path]) -> Template:
        with self._lock:
            key = tuple(layers)
            if key not in self._templates or not self._templates[key].alive:
                self._templates[key] = Template(key, self.cloud.folder / "bytecode", RUNTIME_VARIABLES)
            return self._templates[key]

    def _layer_paths(self, arns: list[str]) -> list[Path]:
        paths = []
        for arn in arns:
            name, number = arn.split(":")[-2:]
            versions = self._layers.get(name, [])
            index = int(number) - 1
            if not arn.startswith(self.cloud.arn("lambda", "layer:")) or not 0 <= index < len(versions):
                raise AwsError("InvalidParameterValueException", f"Layer version {arn} does not exist.")
            paths.append(versions[index]["folder"])
        return paths

    def _function(self, name: str) -> Function:
        with self._lock:
            function = self._functions.get(_plain_name(name))
        if function is None:
            raise AwsError("ResourceNotFoundException", f"Function not found: {self._arn(name)}", 404)
        return function

    def _all(self) -> list[Function]:
        with self._lock:
            return list(self._functions.values())

    def _arn(self, name: str) -> str:
        return self.cloud.arn("lambda", f"function:{_plain_name(name)}")


def _plain_name(name: str) -> str:
    if ":function:" in name:
        name = name.split(":function:")[1]
    return name.split(":")[0]


def _digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _policy(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}


def _stamped(configuration: dict[str, Any]) -> dict[str, Any]:
    return {**configuration, "LastModified": datetime.now(UTC).isoformat(timespec="milliseconds")}
