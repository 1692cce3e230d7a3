"""What the provider knows of one type of resource."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.waiting import settle


@dataclass(frozen=True)
class Created:
    """A resource that exists: its provider-assigned id, and outputs beside its inputs, in Pulumi's names."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A resource as it is on AWS, in Pulumi's names.

    Args:
        inputs: what a program could give of it; None where it has nothing of the kind.
        outputs: what is told beside that.
    """

    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Where a resource is made.

    Args:
        cloud: the embedded AWS.
        urn: the resource's URN.
        name: its logical name.
        before: how often it has been made before: while it is replaced there are two.
    """

    cloud: Cloud
    urn: str
    name: str
    before: int = 0

    def client(self, service: str) -> Any:
        """A boto3 client with the account's root credentials."""
        return self.cloud.client(service)

    def auto_name(self, given: str | None, prefix: str | None = None) -> str:
        """The physical name: the one given, or the logical name with seven hexadecimal digits as the AWS provider makes
        them, here from the URN, so that a run can be repeated."""
        told = f"{self.urn} {self.before}" if self.before else self.urn
        digits = hashlib.sha256(told.encode()).hexdigest()[:7]
        return given or f"{prefix or self.name + '-'}{digits}"


State = dict[str, Any]
Create = Callable[[Context, Inputs], Created]
Delete = Callable[[Context, str, State], None]
Update = Callable[[Context, str, State, Inputs], State]
Exists = Callable[[Context, str, State], bool]
Read = Callable[[Context, str, State], Found]
Imported = Callable[[Context, str], State]
"""What the id that ``pulumi import`` is given stands for: properties, and the resource's own id as ``id``."""
Defaults = Callable[[State], Mapping[str, Any]]
"""Values of properties that a program does not give, from those that it gives."""
Retag = Callable[[Context, str, State, Mapping[str, str], Mapping[str, str]], None]
Parameters = Callable[[State], dict[str, Any]]
"""Members that name a resource in a call, from its state, which has its id as ``id``."""
_REACHED = frozenset({"gone"})
_GONE = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "DashboardNotFoundError",
        "EntityNotFoundException",
        "InvalidRequestException",  # Athena's word for it
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NotFound",
        "NotFoundException",
        "OwnershipControlsNotFoundError",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
        "StateMachineDoesNotExist",
    }
)


@dataclass(frozen=True)
class ResourceType:
    """The API calls that one Pulumi type token stands for.

    Args:
        create: makes the resource from its inputs.
        delete: removes it, by id and state (inputs and outputs); nothing to do where its parent's deletion removes it.
        update: changes it in place, given its state and its new inputs; returns outputs that changed. None where every
            change but one of tags replaces it.
        replaces: properties whose change needs a new resource; a path with dots for one that lies in a block.
        exists: whether the resource is still there; None where it cannot be gone.
        retag: changes its tags; None where it has none.
        read: what it is like on AWS; None where nothing of it can be looked at.
        imported: what an id for an import stands for, where the id alone does not find the resource.
        defaults: what AWS, or the AWS provider, takes for properties that are not given; in blocks as deep as they are.
        documents: properties with JSON, of which only the meaning counts.
        unordered: lists whose order means nothing; a path with dots for one that lies in a block.
        unread: properties that AWS does not give back, or that the provider alone looks at.
        shared: properties that other resources of a program set too: looked at where they are given.
        assigned: properties that AWS gives a value of its own where they are not given; an import leaves them out.
        fixed: why nothing of it can be changed by hand, where nothing can.
        lasts: whether what it stands for outlives its deletion.
    """

    create: Create
    delete: Delete
    update: Update | None = None
    replaces: frozenset[str] = frozenset()
    exists: Exists | None = None
    retag: Retag | None = None
    read: Read | None = None
    imported: Imported | None = None
    defaults: Mapping[str, Any] | Defaults = field(default_factory=dict)
    documents: frozenset[str] = frozenset()
    unordered: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()
    fixed: str = ""
    lasts: bool = False

    def defaults_of(self, inputs: State) -> Mapping[str, Any]:
        """The values of properties that are not given, beside those that are."""
        return self.defaults(inputs) if callable(self.defaults) else self.defaults

    def is_there(self, context: Context, id: str, state: State) -> bool:
        """Whether a resource exists."""
        if self.exists is None:
            return True
        try:
            return self.exists(context, id, state)
        except ClientError as error:
            if is_gone(error):
                return False
            raise

    def found(self, context: Context, id: str, state: State) -> Found | None:
        """What a resource is like, None where it is gone; of a type that is not looked at, nothing."""
        if not self.is_there(context, id, state):
            return None
        try:
            return self.read(context, id, state) if self.read is not None else Found({})
        except ClientError as error:
            # What a setting is one of may be gone.
            if is_gone(error):
                return None
            raise

    def remove(self, context: Context, id: str, state: State) -> None:
        """Delete a resource and wait until it is gone; one that is gone counts as deleted."""
        try:
            self.delete(context, id, state)
            if self.exists is not None and not self.lasts:
                settle(
                    context.urn,
                    lambda: ("there" if self.is_there(context, id, state) else "gone", None),
                    _REACHED,
                    "failed",
                )
        except ClientError as error:
            # A service may say "not found" of something else that it needs: the resource itself decides.
            if not is_gone(error) or (self.exists is not None and self.is_there(context, id, state)):
                raise


def is_gone(error: ClientError) -> bool:
    """Whether a service says that what was named does not exist."""
    return error.response["Error"]["Code"] in _GONE


def found_by(
    service: str, operation: str, where: Parameters, shown: Callable[[Any, State], object] | None = None
) -> Exists:
    """Whether a resource exists, by a call that answers "not found" when it does not.

    Args:
        service: boto3's name.
        operation: as the API model spells it.
        where: its parameters, from the resource's state and id.
        shown: for a call that always answers: whether the resource is in the answer.
    """

    def exists(context: Context, id: str, state: State) -> bool:
        it = {**state, "id": id}
        answer = getattr(context.client(service), xform_name(operation))(**where(it))
        return shown is None or bool(shown(answer, it))

    return exists
