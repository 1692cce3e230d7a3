"""The provider as the real engine sees it: the same table of resource types, served over gRPC.

The engine attaches to it with ``PULUMI_DEBUG_PROVIDERS=aws:PORT``; nothing has to be installed as a plugin.
"""

import contextlib
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import ListValue, Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider import difference
from eda_sandbox.provider.convert import Inputs, MissingProperty, UnknownProperty
from eda_sandbox.provider.invokes import answer
from eda_sandbox.provider.rehearsal import rehearse
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.schema import schema
from eda_sandbox.provider.table import TABLE, resource_type

VERSION = "7.51.1"
"""What the engine is told: the version of the AWS provider whose names the table speaks."""
MESSAGE_BYTES = 400 * 1024 * 1024
"""The largest message that the engine sends (pulumi/sdk, rpcutil)."""


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Checks, compares, makes, reads, changes and removes resources in the embedded AWS.

    Args:
        cloud: the running sandbox.
        folder: where the paths of a program's files begin. The engine starts its own plugins there; of one that it
            attaches to it does not say where the program lies.
    """

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud, self._folder = cloud, folder
        self._created: Counter[str] = Counter()

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Any
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Secrets come as plain values and are kept secret by the engine."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    # The engine attaches to a provider that it did not start; the SDK's class lacks the method.
    def Attach(self, request: plugin_pb2.PluginAttach, context: Any) -> empty_pb2.Empty:
        """The engine says where it listens; nothing is sent to it."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Any) -> plugin_pb2.PluginInfo:
        """The provider's version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Any) -> provider_pb2.GetSchemaResponse:
        """The types that the table has: `pulumi import` writes programs by it."""
        return provider_pb2.GetSchemaResponse(schema=schema(VERSION, tuple(TABLE)))

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Every configuration is taken: the sandbox has one account and one region."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """No change of the configuration replaces anything."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        """Previews are supported."""
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Refuse what the sandbox does not offer before anything is made: a type, a property, a type of value."""
        token = _type(request)
        try:
            rehearse(self._context(request), token, self._plain(request.news, keep_unknowns=True))
        except UnknownProperty as error:
            failure = provider_pb2.CheckFailure(property=error.path, reason=str(error))
        except MissingProperty as error:
            # What was imported lacks what AWS does not give back: the code of a function.
            if request.olds.fields and error.name in resource_type(token).unread:
                return provider_pb2.CheckResponse(inputs=request.news)
            failure = provider_pb2.CheckFailure(property=error.name, reason=str(error))
        except Exception as error:
            failure = provider_pb2.CheckFailure(reason=str(error))
        else:
            return provider_pb2.CheckResponse(inputs=request.news)
        return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Which properties changed, and which of them need a new resource."""
        known = resource_type(_type(request))
        before, after = _content(request.old_inputs), _content(request.news)
        differ = difference.changed(known, before, after, _content(request.olds))
        changed = [name for name in differ if name not in request.ignoreChanges]
        replaces = [name for name in changed if difference.needs_new(known, name, before, after)]
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            deleteBeforeReplace=difference.goes_first(replaces, after),
        )

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Make a resource; in a preview only its inputs are known."""
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        with _reported(context, request.urn):
            token = _type(request)
            where = replace(self._context(request), before=self._created[request.urn])
            made = resource_type(token).create(where, Inputs(token, self._plain(request.properties)))
            self._created[request.urn] += 1
            return provider_pb2.CreateResponse(id=made.id, properties=_state(request.properties, made.outputs))
        raise AssertionError("aborted")

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """The resource as it is: for a refresh with what somebody changed, for an import with what a program gives of
        it; an empty id when it is gone.
        """
        with _reported(context, request.urn):
            known, where = resource_type(_type(request)), self._context(request)
            id, state = request.id, self._plain(request.properties)
            if known.imported is not None and not request.inputs and not state:
                state = known.imported(where, id)
                id = str(state.pop("id", id))
            found = known.found(where, id, state)
            if found is None:
                return provider_pb2.ReadResponse()
            properties, inputs = Struct(), Struct()
            properties.CopyFrom(request.properties)
            inputs.CopyFrom(request.inputs)
            if known.read is None:
                return provider_pb2.ReadResponse(id=id, properties=properties, inputs=inputs)
            if request.inputs or found.outputs.keys() & state.keys():
                differ = difference.seen(known, _content(request.inputs), _content(request.properties), found)
                _put(inputs, differ)
                _put(properties, differ)
                _put(properties, {name: found.outputs[name] for name in found.outputs.keys() & state.keys()})
            else:
                given = difference.importable(known, found)
                _put(inputs, given)
                _put(properties, {**state, **found.inputs, **given, **found.outputs})
            if "tags" in properties:
                _put(properties, {"tagsAll": properties["tags"]})
            return provider_pb2.ReadResponse(id=id, properties=properties, inputs=inputs)
        raise AssertionError("aborted")

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        """Change a resource in place; a change of tags alone touches nothing but the tags."""
        token = _type(request)
        with _reported(context, request.urn):
            known = resource_type(token)
            before, after = _content(request.old_inputs), _content(request.news)
            differ = difference.changed(known, before, after, _content(request.olds))
            changed = {*differ} - {*request.ignoreChanges}
            outputs = _outputs(request)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=_state(request.news, outputs))
            where, olds, news = self._context(request), self._plain(request.olds), self._plain(request.news)
            if changed & difference.TAGS and known.retag is not None:
                tags = _plain(request.old_inputs).get("tags") or {}
                known.retag(where, request.id, olds, tags, news.get("tags") or {})
                changed -= difference.TAGS
            if changed:
                if known.update is None:
                    raise SandboxError(f"{token} cannot be changed in place: {', '.join(sorted(changed))}")
                wanted = difference.completed(known, changed, news)
                told = known.update(where, request.id, olds, Inputs(token, wanted))
                given = {*request.news, "tagsAll"}
                outputs |= {name: value for name, value in told.items() if name not in given}
            return provider_pb2.UpdateResponse(properties=_state(request.news, outputs))
        raise AssertionError("aborted")

    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> empty_pb2.Empty:
        """Remove a resource; one that is gone counts as removed."""
        with _reported(context, request.urn):
            resource_type(_type(request)).remove(self._context(request), request.id, self._plain(request.properties))
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Any) -> provider_pb2.InvokeResponse:
        """Answer the invokes that say where the program runs."""
        with _reported(context, request.tok):
            found = Struct()
            found.update(answer(self._cloud, request.tok))
            return provider_pb2.InvokeResponse(**{"return": found})
        raise AssertionError("aborted")

    def Cancel(self, request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:
        """What was begun is finished: each call is short."""
        return empty_pb2.Empty()

    def _plain(self, properties: Struct, keep_unknowns: bool = False) -> dict[str, Any]:
        return {name: _rebased(value, self._folder) for name, value in _plain(properties, keep_unknowns).items()}

    def _context(self, request: Any) -> Context:
        return Context(self._cloud, request.urn, request.name or request.urn.rpartition("::")[2])


@contextlib.contextmanager
def serve(cloud: Cloud, port: int = 0, folder: Path | None = None) -> Iterator[int]:
    """Serve the provider on loopback for the time of a ``with`` block.

    Args:
        cloud: the running sandbox.
        port: on loopback; 0 takes a free one.
        folder: where the paths of a program's files begin; default: the working directory.

    Yields:
        The port.

    Raises:
        SandboxError: the port cannot be had.
    """
    # gRPC writes lines of its own about a port that is taken.
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise SandboxError(f"port {port} on 127.0.0.1 cannot be had: {error.strerror}; choose another") from None
    limits = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(16, thread_name_prefix="provider"), options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(cloud, folder or Path.cwd()), server)
    try:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError:
        raise SandboxError(f"port {port} on 127.0.0.1 cannot be had; choose another") from None
    server.start()
    try:
        yield bound
    finally:
        server.stop(grace=2).wait()


@contextlib.contextmanager
def _reported(context: Any, what: str) -> Iterator[None]:
    """Hand what goes wrong to the engine, which shows it beside the resource."""
    try:
        yield
    except Exception as error:
        context.abort(grpc.StatusCode.UNKNOWN, f"{what.rpartition('::')[2]}: {error}")


def _type(request: Any) -> str:
    return str(request.type or request.urn.split("::")[2].rpartition("$")[2])


def _content(value: Any) -> Any:
    """What properties stand for: an asset or an archive for its content, wherever it lies."""
    if isinstance(value, Struct):
        if rpc._special_sig_key in value and "hash" in value:
            return value["hash"]
        return {key: _content(item) for key, item in value.items()}
    if isinstance(value, ListValue):
        return [_content(item) for item in value]
    return value


def _plain(properties: Struct, keep_unknowns: bool = False) -> dict[str, Any]:
    # The engine keeps the hash of an archive or an asset in its state, not where its content lies.
    readable = Struct()
    readable.update({name: value for name, value in properties.items() if not _hash_alone(value)})
    values = rpc.deserialize_properties(readable, keep_unknowns)
    return {name: value for name, value in values.items() if not name.startswith("__")}


def _rebased(value: Any, folder: Path) -> Any:
    """A property with the relative paths of its files as the program means them."""
    match value:
        case pulumi.FileAsset() | pulumi.FileArchive():
            return type(value)(str(folder / value.path))
        case pulumi.AssetArchive():
            return pulumi.AssetArchive({name: _rebased(each, folder) for name, each in value.assets.items()})
    return value


def _hash_alone(value: Any) -> bool:
    return (
        isinstance(value, Struct)
        and rpc._special_sig_key in value
        and value[rpc._special_sig_key] in (rpc._special_asset_sig, rpc._special_archive_sig)
        and not {"path", "uri", "text", "assets"} & set(value)
    )


def _put(struct: Struct, values: Mapping[str, Any]) -> None:
    """Set properties; one that is None goes."""
    for name, value in values.items():
        if value is None:
            struct.fields.pop(name, None)
        else:
            struct.update({name: value})


def _state(inputs: Struct, outputs: Mapping[str, Any]) -> Struct:
    state = Struct()
    state.CopyFrom(inputs)
    state.update({name: value for name, value in outputs.items() if value is not None})
    if "tags" in inputs and "tagsAll" not in inputs:
        state.update({"tagsAll": inputs["tags"]})
    return state


def _outputs(request: provider_pb2.UpdateRequest) -> dict[str, Any]:
    """What the state holds beside its inputs."""
    return {
        name: value
        for name, value in _plain(request.olds).items()
        if name not in request.old_inputs and name != "tagsAll"
    }
