"""What ``eda_runtime.links`` has: where things are, and clients of their services.

Clients are made at their first use, one for each service. They wait a second for a connection and five for an answer,
and try three times (botocore's standard mode), where botocore itself would wait a minute each time. A function is
waited for as long as Lambda lets it run, and invoked once.
"""

import json
import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from eda_runtime import workflow
    from eda_runtime.callbacks import CallbackStore
    from eda_runtime.consumer_cache import HotCache, ReplicaCache
    from eda_runtime.envelope import Envelope
    from eda_runtime.senders.bus import BusSender
    from eda_runtime.senders.delivery_stream import DeliveryStreamSender
    from eda_runtime.senders.queue import QueueSender
    from eda_runtime.senders.stream import StreamSender
    from eda_runtime.senders.topic import TopicSender

CONNECT_SECONDS = 1
READ_SECONDS = 5
ATTEMPTS = 3
INVOCATION_SECONDS = 900
"""The longest time-out of a function (Lambda quotas)."""
MAX_AGE_SECONDS = 300
"""For how long a secret or a parameter that was read is used again."""
_BY_NAME = "-??????"
_lock = threading.RLock()
_clients: dict[str, Any] = {}
_providers: dict[str, Any] = {}


class LinkError(AttributeError):
    """There is no link of this name; the message names the nearest one."""


class Linked:
    """Something that a function is linked with.

    Args:
        arn: its ARN.
    """

    service = ""
    """boto3's name of its service."""

    def __init__(self, arn: str) -> None:
        self.arn = arn

    @property
    def client(self) -> Any:
        """A boto3 client of its service."""
        return client(self.service)

    def _resource(self, divider: str = "/") -> str:
        return self.arn.split(":", 5)[5].partition(divider)[2]


class Bucket(Linked):
    """A bucket of S3."""

    service = "s3"

    @property
    def bucket_name(self) -> str:
        """Its name."""
        return self.arn.rpartition(":")[2]


class Cache(Linked):
    """A ``ConsumerCache``.

    Args:
        arn: of its table.
        settings: its output of that name.
    """

    service = "dynamodb"

    def __init__(self, arn: str, settings: str) -> None:
        super().__init__(arn)
        self._settings = settings

    def cache(self, load: "Callable[[str], Any] | None" = None) -> "HotCache | ReplicaCache":
        """The cache itself.

        Args:
            load: asks the source for a value, of a cache that loads at the first request.

        Raises:
            ValueError: a cache that loads needs ``load``, one that is synced takes none.
        """
        from eda_runtime.consumer_cache import from_settings

        return from_settings(self._settings, self.client, load)


class DeliveryStream(Linked):
    """A delivery stream of Firehose."""

    service = "firehose"

    @property
    def delivery_stream_name(self) -> str:
        """Its name."""
        return self._resource()

    def sender(self) -> "DeliveryStreamSender":
        """What puts records into it."""
        from eda_runtime.senders.delivery_stream import DeliveryStreamSender

        return DeliveryStreamSender(self.client, self.delivery_stream_name)


class EventBus(Linked):
    """A bus of EventBridge."""

    service = "events"

    @property
    def event_bus_name(self) -> str:
        """Its name."""
        return self._resource()

    def sender(self, source: str) -> "BusSender":
        """What puts events on it.

        Args:
            source: who says it, as rules match it.
        """
        from eda_runtime.senders.bus import BusSender

        return BusSender(self.client, self.event_bus_name, source)


class Function(Linked):
    """A function."""

    service = "lambda"

    @property
    def function_name(self) -> str:
        """Its name."""
        return self._resource(":")


class Queue(Linked):
    """A queue of SQS."""

    service = "sqs"

    @property
    def queue_url(self) -> str:
        """Its URL."""
        _, partition, _, region, account, name = self.arn.split(":")
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return f"https://sqs.{region}.{suffix}/{account}/{name}"

    def sender(self) -> "QueueSender":
        """What sends to it."""
        from eda_runtime.senders.queue import QueueSender

        return QueueSender(self.client, self.queue_url)


class StateMachine(Linked):
    """A state machine of Step Functions."""

    service = "stepfunctions"

    @property
    def state_machine_arn(self) -> str:
        """Its ARN."""
        return self.arn


class CallbackWorkflow(StateMachine):
    """A ``CallbackWorkflow``.

    Args:
        arn: of its state machine.
        callback_table_arn: of the table in which it and what it waits for meet.
        rows_table_arn: of the table of the rows, where it is started.
        key: that table's partition key.
    """

    def __init__(self, arn: str, callback_table_arn: str, rows_table_arn: str = "", key: str = "order_id") -> None:
        super().__init__(arn)
        self.callback_table_name = callback_table_arn.rpartition("/")[2]
        self.rows_table_name = rows_table_arn.rpartition("/")[2]
        self.key = key

    @property
    def rows_client(self) -> Any:
        """A boto3 client of DynamoDB, where the rows are."""
        return client("dynamodb")

    def start(
        self, id: str, payload: Any, *, tenant: str = "public", envelope: "Envelope | None" = None
    ) -> "workflow.Started":
        """Start it, once for each id: ``eda_runtime.workflow.start``."""
        from eda_runtime import workflow

        return workflow.start(self, id, payload, tenant=tenant, envelope=envelope)

    def callbacks(self, keep_seconds: int | None = None) -> "CallbackStore":
        """What hands in the data that it waits for.

        Args:
            keep_seconds: how long the data is kept: longer than any workflow waits; default 30 days.
        """
        from eda_runtime.callbacks import KEEP_SECONDS, CallbackStore

        kept = KEEP_SECONDS if keep_seconds is None else keep_seconds
        return CallbackStore(client("dynamodb"), self.client, self.callback_table_name, kept)


class Stream(Linked):
    """A stream of Kinesis."""

    service = "kinesis"

    @property
    def stream_name(self) -> str:
        """Its name."""
        return self._resource()

    def sender(self) -> "StreamSender":
        """What puts records into it."""
        from eda_runtime.senders.stream import StreamSender

        return StreamSender(self.client, self.stream_name)


class Table(Linked):
    """A table of DynamoDB."""

    service = "dynamodb"

    @property
    def table_name(self) -> str:
        """Its name."""
        return self._resource()


class Topic(Linked):
    """A topic of SNS."""

    service = "sns"

    @property
    def topic_arn(self) -> str:
        """Its ARN."""
        return self.arn

    def sender(self) -> "TopicSender":
        """What publishes to it."""
        from eda_runtime.senders.topic import TopicSender

        return TopicSender(self.client, self.topic_arn)


class _Value(Linked):
    def get(self, max_age: int = MAX_AGE_SECONDS, transform: str | None = None, force_fetch: bool = False) -> Any:
        """Its value, by Powertools' Parameters.

        Args:
            max_age: seconds for which one that was read is used again; a rotated one is seen after them.
            transform: ``json`` or ``binary`` (base64); default: the text as it is.
            force_fetch: read it in any case, as after a refusal that a rotation may explain.

        Raises:
            GetParameterError: it cannot be read.
            TransformParameterError: it is not what ``transform`` says.
        """
        # Imported where it is needed: who has no secrets must not pay for it.
        from aws_lambda_powertools.utilities import parameters

        with _lock:
            if self.service not in _providers:
                kind = parameters.SSMProvider if self.service == "ssm" else parameters.SecretsProvider
                _providers[self.service] = kind(boto3_client=self.client)
            provider = _providers[self.service]
        options = {"decrypt": True} if self.service == "ssm" else {}
        return provider.get(self._id(), max_age=max_age, transform=transform, force_fetch=force_fetch, **options)

    def _id(self) -> str:
        return self.arn


class Parameter(_Value):
    """A parameter of Systems Manager's Parameter Store; a secure string is decrypted."""

    service = "ssm"


class Secret(_Value):
    """A secret of Secrets Manager; its current version."""

    service = "secretsmanager"

    def _id(self) -> str:
        # Linked by its name, of which its ARN has six random characters more.
        return self._resource(":").removesuffix(_BY_NAME) if self.arn.endswith(_BY_NAME) else self.arn


_KINDS: dict[str, type[Linked]] = {
    "dynamodb": Table,
    "events": EventBus,
    "firehose": DeliveryStream,
    "kinesis": Stream,
    "lambda": Function,
    "s3": Bucket,
    "secretsmanager": Secret,
    "sns": Topic,
    "sqs": Queue,
    "ssm": Parameter,
    "states": StateMachine,
}
"""By the service in the ARN."""


def named(name: str) -> Linked:
    """A link.

    Raises:
        LinkError: there is none of this name.
    """
    links: dict[str, str | list[str]] = json.loads(os.environ.get("EDA_LINKS") or "{}")
    if name not in links:
        import difflib

        near = difflib.get_close_matches(name, links, 1)
        hint = f"is {near[0]!r} meant?" if near else f"known are {', '.join(sorted(links)) or 'none'}"
        raise LinkError(f"the function has no link {name!r}; {hint}")
    found = links[name]
    if isinstance(found, str):
        return _KINDS[found.split(":")[2]](found)
    arn, *beside = found
    return (CallbackWorkflow if arn.split(":")[2] == "states" else Cache)(arn, *beside)


def client(service: str) -> Any:
    """A boto3 client, the same at each call.

    Args:
        service: boto3's name.
    """
    with _lock:
        if service not in _clients:
            import boto3
            from botocore.config import Config

            once = service == "lambda"
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=INVOCATION_SECONDS if once else READ_SECONDS,
                retries={"total_max_attempts": 1 if once else ATTEMPTS, "mode": "standard"},
            )
            _clients[service] = boto3.client(service, config=config)  # type: ignore[call-overload]  # known at run time
        return _clients[service]
