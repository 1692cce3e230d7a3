"""The control plane of Lambda, and ``Invoke``."""

import base64
import contextlib
import hashlib
import json
import sys
import tempfile
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation import iam
from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import AwsError, SandboxError
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.lambda_ import configuration, dependencies, invoke_config
from eda_sandbox.services.lambda_.asynchronous import AsynchronousInvocations, flush_forever
from eda_sandbox.services.lambda_.event_sources import EventSourceMapping, configuration_of, described
from eda_sandbox.services.lambda_.function import MOST_UNZIPPED, PRINCIPAL, RUNTIME_VARIABLES, Function, Outcome, unpack
from eda_sandbox.services.lambda_.mapping_options import check_options, check_source, check_visibility, is_queue
from eda_sandbox.services.lambda_.names import LATEST, MOST_CHARACTERS, Named, named, too_long
from eda_sandbox.services.lambda_.offered import OFFERED
from eda_sandbox.services.lambda_.template import Template

ACCOUNT_CONCURRENCY = 1000
UNRESERVED_MINIMUM = 100
SYNC_PAYLOAD = 6 * 1024 * 1024
ASYNC_PAYLOAD = 1024 * 1024
MOST_ZIPPED = 52_428_800
"""Bytes of an archive that is sent in a request (Lambda quotas)."""
PAGE = 50
"""Items of a list that are answered at a time (Lambda API, ``ListFunctions``)."""


class Lambda(Service):
    """Functions with Python runtimes, packed as ZIP files."""

    name = "lambda"
    principal = PRINCIPAL
    roles = dict.fromkeys(("CreateFunction", "UpdateFunctionConfiguration"), ("Role",))
    offered = OFFERED

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
        """The function's ARN, with the qualifier that is asked for."""
        name = request.get("FunctionName")
        if not name:
            return "*"
        asked = self._named(name, request.get("Qualifier"))
        return self._arn(asked.name) + (f":{asked.qualifier}" if asked.qualifier else "")

    def create_function(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateFunction; the function is there when it is answered, and the answer calls it pending, as AWS's does."""
        name = self._named(request["FunctionName"]).name
        if len(name) > MOST_CHARACTERS:
            raise too_long(request["FunctionName"])
        configuration.refuse_what_is_not_offered({**request, **request["Code"]})
        for member in ("Runtime", "Handler"):
            if not request.get(member):
                needed = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
                raise AwsError("InvalidParameterValueException", needed)
        made = configuration.made(request, name, self._arn(name))
        configuration.check(request, made["LoggingConfig"])
        with self._lock:
            if name in self._functions:
                raise AwsError("ResourceConflictException", f"Function already exist: {name}", 409)
        # A role that Lambda cannot assume is refused at once.
        self._check_role(request["Role"])
        layers = self._layer_paths(request.get("Layers", []))
        code, size, digest = self._unpacked(name, request["Code"])
        made |= {"CodeSize": size, "CodeSha256": digest}
        if request.get("Layers"):
            made["Layers"] = self._layers_of(request["Layers"])
        function = Function(self.cloud, made, code, layers, self._template, tags=request.get("Tags", {}))
        with self._lock:
            self._functions[name] = function
        return configuration.being_created(function.configuration)

    def get_function(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunction."""
        function, _ = self._asked(request)
        found: dict[str, Any] = {
            "Configuration": self._configuration_of(request),
            "Code": {"RepositoryType": "S3"},
            **({"Tags": function.tags} if function.tags else {}),
        }
        if function.reserved is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return found

    def get_function_configuration(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunctionConfiguration."""
        return self._configuration_of(request)

    def _configuration_of(self, request: dict[str, Any]) -> dict[str, Any]:
        function, asked = self._asked(request)
        found = function.configuration
        return found if asked.qualifier is None else {**found, "FunctionArn": f"{function.arn}:{asked.qualifier}"}

    def outcomes(self, name: str) -> tuple[int, Counter[str]]:
        """How many invocations of a function are in flight, and how those that ended did.

        Raises:
            AwsError: there is no such function.
        """
        function = self._function(name)
        return function.running, Counter(function.outcomes)

    def list_functions(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListFunctions."""
        if request.get("MasterRegion") or request.get("FunctionVersion"):
            raise AwsError("InvalidParameterValueException", "the sandbox lists functions without versions")
        return _page("Functions", [function.configuration for function in self._all()], request)

    def update_function_code(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateFunctionCode; of a dry run what the function would be."""
        function = self._function(request["FunctionName"])
        if request.get("ImageUri"):
            problem = "Please don't provide ImageUri when updating a function with packageType Zip."
            raise AwsError("InvalidParameterValueException", problem)
        configuration.refuse_what_is_not_offered(request)
        configuration.check_revision(request.get("RevisionId"), function.configuration["RevisionId"])
        configuration.check({"Architectures": request.get("Architectures")}, {})
        code, size, digest = self._unpacked(function.name, request)
        changes = {"CodeSize": size, "CodeSha256": digest}
        if request.get("Architectures"):
            changes["Architectures"] = request["Architectures"]
        if request.get("DryRun"):
            return configuration.being_updated({**function.configuration, **changes})
        function.configuration = configuration.stamped({**function.configuration, **changes})
        function.replace_code(code)
        return configuration.being_updated(function.configuration)

    def update_function_configuration(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateFunctionConfiguration."""
        function = self._function(request["FunctionName"])
        configuration.refuse_what_is_not_offered(request)
        configuration.check_revision(request.get("RevisionId"), function.configuration["RevisionId"])
        changed = configuration.changed(function.configuration, request)
        configuration.check(request, changed["LoggingConfig"])
        if "Role" in request:
            self._check_role(request["Role"])
        if "Layers" in request:
            function.layers = self._layer_paths(request["Layers"])
            changed["Layers"] = self._layers_of(request["Layers"])
        function.configuration = changed
        function.retire()
        return configuration.being_updated(function.configuration)

    def delete_function(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteFunction."""
        asked = self._named(request["FunctionName"], request.get("Qualifier"))
        if asked.qualifier == LATEST:
            problem = "$LATEST version cannot be deleted without deleting the function."
            raise AwsError("InvalidParameterValueException", problem)
        if asked.qualifier is not None and not asked.qualifier.isdigit():
            raise AwsError("InvalidParameterValueException", "Deletion of aliases is not currently supported.")
        function = self._function(asked.name)
        if asked.qualifier is not None:
            # A version that is not there is gone already.
            return {"StatusCode": 204}
        with self._lock:
            del self._functions[function.name]
        function.close()
        return {"StatusCode": 204}

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
                "CreatedDate": configuration.now(),
                "CompatibleRuntimes": request.get("CompatibleRuntimes", []),
                "CompatibleArchitectures": request.get("CompatibleArchitectures", []),
                "Content": {"CodeSha256": _digest(content), "CodeSize": len(content)},
                **({"LicenseInfo": request["LicenseInfo"]} if request.get("LicenseInfo") else {}),
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
        asked, wanted = self._named(request["FunctionName"]), request["ReservedConcurrentExecutions"]
        if asked.qualifier is not None:
            raise AwsError(
                "InvalidParameterValueException",
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
                "operation. Please specify either a function name or an unqualified function ARN.",
            )
        function, _ = self._asked(request, LATEST)
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
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": MOST_UNZIPPED,
                "CodeSizeZipped": MOST_ZIPPED,
                "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - reserved,
            },
            "AccountUsage": {
                "FunctionCount": len(self._functions),
                "TotalCodeSize": sum(int(function.configuration["CodeSize"]) for function in self._all()),
            },
        }

    def add_permission(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """AddPermission."""
        function, asked = self._asked(request)
        if asked.qualifier == LATEST:
            problem = "We currently do not support adding policies for $LATEST."
            raise AwsError("InvalidParameterValueException", problem)
        return {"Statement": json.dumps(function.policy.add(request, function.arn), separators=(",", ":"))}

    def remove_permission(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """RemovePermission."""
        asked = self._named(request["FunctionName"], request.get("Qualifier"))
        with self._lock:
            function = self._functions.get(asked.name)
        if function is None:
            raise AwsError("ResourceNotFoundException", f"No policy found for: {self._arn(asked.name)}", 404)
        self._asked(request)[0].policy.remove(request["StatementId"], request.get("RevisionId"))
        return {}

    def get_policy(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetPolicy."""
        try:
            function, asked = self._asked(request)
        except AwsError as error:
            if error.code != "ResourceNotFoundException" or "region" in error.message:
                raise
            raise AwsError(error.code, "The resource you requested does not exist.", 404) from None
        if asked.qualifier == LATEST:
            raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return function.policy.describe()

    def put_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutFunctionEventInvokeConfig: what is not named is as it was in the beginning."""
        function = self._configured(request)
        kept = invoke_config.checked(request, function, self._is_function)
        function.event_invoke_config = {"LastModified": datetime.now(UTC), **kept}
        return invoke_config.described(function)

    def update_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateFunctionEventInvokeConfig: what is not named stays."""
        function = self._configured(request)
        kept = invoke_config.checked(request, function, self._is_function)
        before = invoke_config.described(function)
        if "DestinationConfig" in kept:
            kept["DestinationConfig"] = {**before["DestinationConfig"], **kept["DestinationConfig"]}
        function.event_invoke_config = {
            **(function.event_invoke_config or {}),
            "LastModified": datetime.now(UTC),
            **kept,
        }
        return invoke_config.described(function)

    def get_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetFunctionEventInvokeConfig."""
        return invoke_config.described(self._with_invoke_config(request))

    def list_function_event_invoke_configs(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListFunctionEventInvokeConfigs: of a function without versions one at most."""
        function = self._configured(request)
        found = [invoke_config.described(function)] if function.event_invoke_config is not None else []
        return _page("FunctionEventInvokeConfigs", found, request)

    def delete_function_event_invoke_config(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteFunctionEventInvokeConfig."""
        function = self._with_invoke_config(request)
        invoke_config.described(function)
        function.event_invoke_config = None
        return {}

    def _configured(self, request: dict[str, Any]) -> Function:
        asked = self._named(request["FunctionName"], request.get("Qualifier"))
        with self._lock:
            function = self._functions.get(asked.name)
        if function is None or asked.qualifier not in (None, LATEST):
            raise AwsError("ResourceNotFoundException", "The function doesn't exist.", 404)
        return function

    def _with_invoke_config(self, request: dict[str, Any]) -> Function:
        asked = self._named(request["FunctionName"], request.get("Qualifier"))
        with self._lock:
            function = self._functions.get(asked.name)
        if function is None or asked.qualifier not in (None, LATEST):
            raise invoke_config.missing(f"{self._arn(asked.name)}:{asked.qualifier or LATEST}")
        return function

    def _is_function(self, arn: str) -> bool:
        try:
            self._function(arn)
        except AwsError:
            return False
        return True

    def create_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateEventSourceMapping, for queues, table streams and Kinesis streams; its thread begins at once, and the
        answer calls it being created, as AWS's does."""
        if not request.get("EventSourceArn") and not request.get("SelfManagedEventSource"):
            raise AwsError("InvalidParameterValueException", "Unrecognized event source.")
        function = self._mapped(request["FunctionName"])
        check_options(request.get("EventSourceArn", ""), request)
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
        return described(mapping, "Creating")

    def _mapped(self, name: str) -> Function:
        try:
            function, _ = self._asked({"FunctionName": name})
        except AwsError as error:
            if error.code != "ResourceNotFoundException" or "region" in error.message:
                raise
            raise AwsError("InvalidParameterValueException", "Function does not exist") from None
        return function

    def get_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetEventSourceMapping."""
        return described(self._mapping(request["UUID"]))

    def list_event_source_mappings(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListEventSourceMappings, of a function and a source where they are named."""
        wanted = {"EventSourceArn": request.get("EventSourceArn")}
        if "FunctionName" in request:
            # Of a function that is not there, there are none.
            wanted["FunctionArn"] = self._arn(self._named(request["FunctionName"]).name)
        found = [described(mapping) for mapping in self._mappings.values()]
        for member, value in wanted.items():
            found = [mapping for mapping in found if value is None or mapping[member] == value]
        return _page("EventSourceMappings", found, request, 100)

    def update_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateEventSourceMapping; what is polled goes on from where it is."""
        mapping = self._mapping(request["UUID"])
        source = mapping.configuration["EventSourceArn"]
        check_options(source, {**mapping.configuration, **request})
        changes = {key: value for key, value in request.items() if key not in ("UUID", "Enabled", "FunctionName")}
        if "FunctionName" in request:
            function = self._mapped(request["FunctionName"])
            if is_queue(source):
                check_visibility(self.cloud, source, function)
            mapping.function = function
            changes["FunctionArn"] = function.arn
        mapping.configuration |= {**changes, "LastModified": datetime.now(UTC)}
        enabled = mapping.configuration["State"] == "Enabled"
        if request.get("Enabled", enabled) == enabled:
            return described(mapping, "Updating")
        mapping.configuration["State"] = "Disabled" if enabled else "Enabled"
        if enabled:
            mapping.stopped.set()
            return described(mapping, "Disabling")
        mapping.stopped = threading.Event()
        mapping.start()
        return described(mapping, "Enabling")

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource, of a function or an event source mapping."""
        tags = self._tagged(request["Resource"])
        configuration.check({"Tags": {**tags, **request["Tags"]}}, {})
        tags.update(request["Tags"])
        self._revised(request["Resource"])
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        for key in request["TagKeys"]:
            self._tagged(request["Resource"]).pop(key, None)
        self._revised(request["Resource"])
        return {}

    def _revised(self, arn: str) -> None:
        """Tags are part of a function's revision."""
        if ":event-source-mapping:" not in arn:
            function = self._function(arn)
            function.configuration = {**function.configuration, "RevisionId": str(uuid.uuid4())}

    def list_tags(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """ListTags."""
        return {"Tags": self._tagged(request["Resource"])}

    def delete_event_source_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteEventSourceMapping."""
        mapping = self._mapping(request["UUID"])
        mapping.stopped.set()
        del self._mappings[request["UUID"]]
        return described(mapping, "Deleting")

    def invoke(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Invoke, synchronously, asynchronously or dry."""
        function, asked = self._asked(request, LATEST)
        payload, kind = request.get("Payload") or b"{}", request.get("InvocationType", "RequestResponse")
        for member in ("DurableExecutionName", "TenantId"):
            if request.get(member):
                raise AwsError("InvalidParameterValueException", f"the sandbox invokes without {member}")
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
            self._asynchronous.accept(function, payload, caller.request_id)
            return {"StatusCode": 202, "Payload": b""}
        context = _client_context(request.get("ClientContext"))
        outcome = self._run(function, payload, caller.request_id, context, asked.qualifier)
        answer = {"StatusCode": 200, "ExecutedVersion": LATEST, "Payload": outcome.payload}
        if outcome.function_error:
            answer["FunctionError"] = outcome.function_error
        if request.get("LogType") == "Tail":
            answer["LogResult"] = outcome.tail
        return answer

    def _run(
        self,
        function: Function,
        payload: bytes,
        request_id: str | None = None,
        client_context: str | None = None,
        qualifier: str | None = None,
    ) -> Outcome:
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
            return function.invoke(payload, request_id, client_context, qualifier)
        finally:
            with self._lock:
                function.running -= 1

    def _tagged(self, arn: str) -> dict[str, str]:
        kind, _, name = arn.partition(f":{self.cloud.account}:")[2].partition(":")
        if kind == "event-source-mapping":
            if name not in self._mappings:
                raise AwsError("ResourceNotFoundException", f"Event source mapping not found: {arn}", 404)
            return self._mapping(name).tags
        if self._named(arn).qualifier is not None:
            problem = "Tags on function aliases and versions are not supported. Please specify a function ARN."
            raise AwsError("InvalidParameterValueException", problem)
        return self._function(arn).tags

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
            function.policy.document,
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
            if len(code["ZipFile"]) > MOST_ZIPPED:
                problem = f"Zipped size must be smaller than {MOST_ZIPPED} bytes"
                raise AwsError("RequestEntityTooLargeException", problem, 413)
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
                self._templates[key] = Template(key, self.cloud.folder / "lambda", RUNTIME_VARIABLES)
            return self._templates[key]

    def _layer_paths(self, arns: list[str]) -> list[Path]:
        paths = []
        for arn in arns:
            if arn.split(":")[3:4] not in ([self.cloud.region], []):
                region = self.cloud.region
                raise AwsError(
                    "InvalidParameterValueException",
                    f"Layers are not in the same region as the function. Layers are expected to be in region {region}.",
                )
            name, number = arn.split(":")[-2:]
            versions = self._layers.get(name, [])
            index = int(number) - 1
            if not arn.startswith(self.cloud.arn("lambda", "layer:")) or not 0 <= index < len(versions):
                raise AwsError("InvalidParameterValueException", f"Layer version {arn} does not exist.")
            paths.append(versions[index]["folder"])
        return paths

    def _layers_of(self, arns: list[str]) -> list[dict[str, Any]]:
        versions = [self._layers[arn.split(":")[-2]][int(arn.split(":")[-1]) - 1] for arn in arns]
        return [{"Arn": found["LayerVersionArn"], "CodeSize": found["Content"]["CodeSize"]} for found in versions]

    def _named(self, name: str, qualifier: str | None = None) -> Named:
        return named(name, qualifier, self.cloud.region, self.cloud.account)

    def _function(self, name: str) -> Function:
        asked = self._named(name)
        with self._lock:
            function = self._functions.get(asked.name)
        if function is None:
            raise AwsError("ResourceNotFoundException", f"Function not found: {self._arn(asked.name)}", 404)
        return function

    def _asked(self, request: dict[str, Any], said: str | None = None) -> tuple[Function, Named]:
        """The function that a request is for; of its versions there is the latest alone. An error says the version
        that was asked for, or ``said``."""
        asked = self._named(request["FunctionName"], request.get("Qualifier"))
        with self._lock:
            function = self._functions.get(asked.name)
        if function is None or asked.qualifier not in (None, LATEST):
            qualifier = asked.qualifier or said
            arn = self._arn(asked.name) + (f":{qualifier}" if qualifier else "")
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return function, asked

    def _all(self) -> list[Function]:
        with self._lock:
            return list(self._functions.values())

    def _arn(self, name: str) -> str:
        return self.cloud.arn("lambda", f"function:{name}")


def _page(member: str, found: list[Any], request: dict[str, Any], most: int = PAGE) -> dict[str, Any]:
    """A page of a list; its marker says where the next one begins."""
    try:
        first = int(request.get("Marker") or 0)
    except ValueError:
        raise AwsError("InvalidParameterValueException", "The marker is none that was answered.") from None
    end = first + min(request.get("MaxItems", most), most)
    return {member: found[first:end], **({"NextMarker": str(end)} if end < len(found) else {})}


def _client_context(given: str | None) -> str | None:
    """What ``Invoke`` hands on beside the event, as JSON."""
    if given is None:
        return None
    try:
        text = base64.b64decode(given, validate=True).decode()
        json.loads(text)
    except ValueError as error:
        problem = f"Client context must be a valid Base64-encoded JSON object: {error}"
        raise AwsError("InvalidRequestContentException", problem) from error
    return text


def _digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
