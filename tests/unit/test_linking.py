"""Links: the statements and the environment that they make, and what the runtime makes of these."""

import json
from pathlib import Path
from typing import Any, get_args

import pulumi_aws as aws
import pytest
from eda_runtime import linked, links
from eda_runtime.callbacks import CallbackStore
from eda_runtime.consumer_cache import HotCache, ReplicaCache
from eda_runtime.senders.bus import BusSender
from eda_runtime.senders.delivery_stream import DeliveryStreamSender
from eda_runtime.senders.queue import QueueSender
from eda_runtime.senders.stream import StreamSender
from eda_runtime.senders.topic import TopicSender
from hypothesis import given
from hypothesis import strategies as st
from pulumi_aws_eda import (
    AlarmTopic,
    ArgumentError,
    BatchedFirehoseSink,
    CallbackWorkflow,
    ConsumerCache,
    EventBus,
    FanOut,
    IdempotentLambda,
    LinkAccess,
    LinkKind,
    archives,
    link,
)
from pulumi_aws_eda._parts.function.link_kinds import MEMBERS, NEEDS
from pulumi_aws_eda._parts.function.links import ENVIRONMENT_BYTES
from pulumi_aws_eda.linking import AccessName
from pulumi_aws_eda.testing import Recording, record

CODE = archives.directory_archive(Path(__file__).parents[2] / "functions" / "get_order")
PLACE = "eu-central-1:123456789012"
ARN = f"arn:aws:%s:{PLACE}:%s"
KEY = ARN % ("kms", "key/k")
OWN_KEY = ARN % ("kms", "key/own")
TABLE = ARN % ("dynamodb", "table/t")


def one(kind: LinkKind, access: LinkAccess, arn: str, **members: Any) -> dict[str, Any]:
    """The statements of a function with one link, without those that every function has."""

    def program() -> None:
        made: Any = {"arn": arn, "kind": kind, "access": [access], **members}
        IdempotentLambda("f", code=CODE, links={"it": made})

    found = record(program).statements("f-role")
    return {
        sid.removeprefix("LinkIt"): (statement["Action"], statement["Resource"])
        for sid, statement in found.items()
        if sid not in ("WriteLog", "Trace", "DecryptWithKey", "EncryptWithKey")
    }


BUCKET = "arn:aws:s3:::b"
MACHINE = ARN % ("states", "stateMachine:m")
ITEMS = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"]
CASES: list[tuple[LinkKind, LinkAccess, str, dict[str, tuple[list[str], list[str]]]]] = [
    (
        LinkKind.BUCKET,
        LinkAccess.READ,
        BUCKET,
        {"Read": (["s3:GetObject"], [f"{BUCKET}/*"]), "List": (["s3:ListBucket"], [BUCKET])},
    ),
    (
        LinkKind.BUCKET,
        LinkAccess.WRITE,
        BUCKET,
        {"Write": (["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], [f"{BUCKET}/*"])},
    ),
    (
        LinkKind.CALLBACK_WORKFLOW,
        LinkAccess.START,
        MACHINE,
        {
            "Start": (["states:StartExecution"], [MACHINE]),
            "Rows": (["dynamodb:PutItem", "dynamodb:UpdateItem"], [TABLE]),
        },
    ),
    (
        LinkKind.CALLBACK_WORKFLOW,
        LinkAccess.RESUME,
        MACHINE,
        {"Deliver": (["dynamodb:UpdateItem"], [TABLE]), "Resume": (["states:SendTaskSuccess"], [MACHINE])},
    ),
    (
        LinkKind.DELIVERY_STREAM,
        LinkAccess.SEND,
        "arn:d",
        {"Send": (["firehose:PutRecord", "firehose:PutRecordBatch"], ["arn:d"])},
    ),
    (LinkKind.EVENT_BUS, LinkAccess.SEND, "arn:e", {"Send": (["events:PutEvents"], ["arn:e"])}),
    (LinkKind.FUNCTION, LinkAccess.INVOKE, "arn:f", {"Invoke": (["lambda:InvokeFunction"], ["arn:f"])}),
    (
        LinkKind.HOT_CACHE,
        LinkAccess.READ,
        TABLE,
        {"Read": (["dynamodb:GetItem", "dynamodb:UpdateItem"], [TABLE])},
    ),
    (
        LinkKind.REPLICA_CACHE,
        LinkAccess.READ,
        TABLE,
        {"Read": (["dynamodb:GetItem", "dynamodb:BatchGetItem"], [TABLE])},
    ),
    (LinkKind.PARAMETER, LinkAccess.READ, "arn:p", {"Read": (["ssm:GetParameter"], ["arn:p"])}),
    (LinkKind.QUEUE, LinkAccess.SEND, "arn:q", {"Send": (["sqs:SendMessage"], ["arn:q"])}),
    (LinkKind.SECRET, LinkAccess.READ, "arn:s", {"Read": (["secretsmanager:GetSecretValue"], ["arn:s"])}),
    (LinkKind.STATE_MACHINE, LinkAccess.START, MACHINE, {"Start": (["states:StartExecution"], [MACHINE])}),
    (
        LinkKind.STATE_MACHINE,
        LinkAccess.RESUME,
        MACHINE,
        {"Resume": (["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"], [MACHINE])},
    ),
    (LinkKind.STREAM, LinkAccess.SEND, "arn:k", {"Send": (["kinesis:PutRecord", "kinesis:PutRecords"], ["arn:k"])}),
    (LinkKind.TABLE, LinkAccess.GET, TABLE, {"Get": (["dynamodb:GetItem"], [TABLE])}),
    (LinkKind.TABLE, LinkAccess.READ, TABLE, {"Read": (ITEMS, [TABLE, f"{TABLE}/index/*"])}),
    (
        LinkKind.TABLE,
        LinkAccess.WRITE,
        TABLE,
        {
            "Write": (
                [f"dynamodb:{name}Item" for name in ("Put", "Update", "Delete", "BatchWrite", "ConditionCheck")],
                [TABLE],
            )
        },
    ),
    (LinkKind.TOPIC, LinkAccess.SEND, "arn:n", {"Send": (["sns:Publish"], ["arn:n"])}),
]


def test_every_kind_and_access_has_a_case_and_a_name() -> None:
    assert {case[:2] for case in CASES} == {(kind, access) for kind in LinkKind for access in NEEDS[kind]}
    assert [access.value.lower() for access in LinkAccess] == list(get_args(AccessName))


@pytest.mark.parametrize(("kind", "access", "arn", "statements"), CASES)
def test_an_access_makes_exactly_its_statements(
    kind: LinkKind, access: LinkAccess, arn: str, statements: dict[str, Any]
) -> None:
    members = dict.fromkeys(MEMBERS.get(kind, ()), TABLE)
    assert one(kind, access, arn, **members) == statements


SCHEDULED: Any = {"source_url": "https://example.com", "key": "id", "schedule_expression": "rate(1 hour)"}


def everything() -> None:
    """A function that is linked with a resource of every type."""
    encrypted = {"enabled": True, "kms_key_arn": KEY}
    table = aws.dynamodb.Table("t", hash_key="id", server_side_encryption=encrypted)  # type: ignore[arg-type]
    sink = BatchedFirehoseSink("sink", direct_put={"columns": {"id": "string"}})
    workflow = CallbackWorkflow("w", call_function_arn=ARN % ("lambda", "function:c"), table_name="t", table_arn=TABLE)
    worker = IdempotentLambda("worker", code=CODE, queue_source={})
    made = {
        "alarms": link(AlarmTopic("alarms"), "send"),
        "clicks": link(sink, "send"),
        "workflow": link(workflow, "resume", "start"),
        "worker": link(worker, "invoke"),
        "rates": link(ConsumerCache("rates", hot={}), "read"),
        "suppliers": link(ConsumerCache("suppliers", scheduled=SCHEDULED), "read"),
        "work": link(worker, "send"),
        "bus": link(aws.cloudwatch.EventBus("e"), "send"),
        "readings": link(EventBus("readings"), "send"),
        "told": link(FanOut("told", queues={"audit": {}}), "send"),
        "orders": link(table, "get", LinkAccess.WRITE),
        "plain": link(aws.dynamodb.Table("p", hash_key="id"), "read"),
        "delivery": link(aws.kinesis.FirehoseDeliveryStream("d", destination="extended_s3"), "send"),
        "changes": link(aws.kinesis.Stream("k", kms_key_id="k", shard_count=1), "send"),
        "resize": link(aws.lambda_.Function("l", role="r"), "invoke"),
        "files": link(aws.s3.Bucket("b"), "read", "write", kms_key_arn=KEY),
        "password": link(aws.secretsmanager.Secret("s", kms_key_id=KEY), "read"),
        "machine": link(aws.sfn.StateMachine("m", definition="{}", role_arn="r"), "start", "resume"),
        "news": link(aws.sns.Topic("n", kms_master_key_id="alias/aws/sns"), "send"),
        "queue": link(aws.sqs.Queue("q", kms_master_key_id="k"), "send"),
        "limit": link(aws.ssm.Parameter("x", type="SecureString", key_id=KEY, value="1"), "read"),
    }
    IdempotentLambda(
        "f",
        code=CODE,
        links=made,
        secrets={"api_key": "orders/key", "token": ARN % ("secretsmanager", "secret:token-abcdef")},
        parameters={"rate": "/orders/rate", "top": "top"},
        environment={"MINE": "yes"},
    )


@pytest.fixture(scope="module")
def made() -> Recording:
    return record(everything)


def test_keys_are_those_of_what_is_linked(made: Recording) -> None:
    statements = made.statements("f-role")
    services = {"dynamodb", "kinesis", "s3", "secretsmanager", "sns", "sqs", "ssm"}
    for sid, through in (
        ("DecryptWithKey", services - {"kinesis"}),
        ("EncryptWithKey", services - {"dynamodb", "secretsmanager", "ssm"}),
    ):
        via = statements[sid]["Condition"]["StringLike"]["kms:ViaService"]
        assert {name.partition(".")[0] for name in via} == through
        # The table without a key and the topic with AWS's have none.
        own = made.one("aws:kms/key:Key").name
        assert {arn.rpartition("/")[2].removesuffix("-id") for arn in statements[sid]["Resource"]} == {"k", own}


def test_what_has_no_key_makes_no_statement_about_one() -> None:
    def program() -> None:
        IdempotentLambda("f", code=CODE, links={"q": link(aws.sqs.Queue("q"), "send")}, kms_key_arn=OWN_KEY)
        IdempotentLambda("g", code=CODE, links={"q": link(aws.sqs.Queue("r"), "send")})
        bucket = link(aws.s3.Bucket("b"), "read")
        IdempotentLambda("h", code=CODE, links={"b": bucket}, kms_key_arn=OWN_KEY)

    found = record(program)
    assert "EncryptWithKey" not in found.statements("f-role")
    assert {"DecryptWithKey", "EncryptWithKey"}.isdisjoint(found.statements("g-role"))
    assert found.statements("h-role")["DecryptWithKey"]["Resource"] == [OWN_KEY]


@pytest.fixture
def names(made: Recording, monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = made.one("aws:lambda/function:Function", "f-function").inputs["environment"]["variables"]
    assert variables["MINE"] == "yes"
    monkeypatch.setenv("EDA_LINKS", variables["EDA_LINKS"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(linked, "_clients", {})
    return json.loads(variables["EDA_LINKS"])


def test_the_runtime_has_all_that_the_component_links(names: dict[str, Any]) -> None:
    assert {name: type(getattr(links, name)) for name in names} == {
        "alarms": linked.Topic,
        "api_key": linked.Secret,
        "bus": linked.EventBus,
        "changes": linked.Stream,
        "clicks": linked.DeliveryStream,
        "delivery": linked.DeliveryStream,
        "files": linked.Bucket,
        "limit": linked.Parameter,
        "machine": linked.StateMachine,
        "news": linked.Topic,
        "orders": linked.Table,
        "password": linked.Secret,
        "plain": linked.Table,
        "queue": linked.Queue,
        "rate": linked.Parameter,
        "rates": linked.Cache,
        "readings": linked.EventBus,
        "resize": linked.Function,
        "suppliers": linked.Cache,
        "token": linked.Secret,
        "told": linked.Topic,
        "top": linked.Parameter,
        "work": linked.Queue,
        "worker": linked.Function,
        "workflow": linked.CallbackWorkflow,
    }
    assert names["rate"] == ARN % ("ssm", "parameter/orders/rate")
    assert names["top"] == ARN % ("ssm", "parameter/top")
    assert names["api_key"] == ARN % ("secretsmanager", "secret:orders/key-??????")
    assert names["token"].endswith(":secret:token-abcdef")
    assert isinstance(links.workflow.callbacks(), CallbackStore)
    assert isinstance(links.rates.cache(str), HotCache)
    assert isinstance(links.suppliers.cache(), ReplicaCache)
    senders = [links.readings.sender("s"), *(getattr(links, name).sender() for name in ("told", "queue", "changes"))]
    assert [type(each) for each in senders] == [BusSender, TopicSender, QueueSender, StreamSender]
    assert isinstance(links.clicks.sender(), DeliveryStreamSender)
    assert links.orders.client is links.plain.client is not links.queue.client


def test_a_wrong_name_is_told_with_the_nearest_one(names: dict[str, Any]) -> None:
    with pytest.raises(linked.LinkError, match="has no link 'ordres'; is 'orders' meant"):
        _ = links.ordres
    assert not hasattr(links, "__path__")
    # Each name that the module had would hide a link.
    assert not [name for name in vars(links) if not name.startswith("_")]


_WORD = st.from_regex("[A-Za-z0-9]([A-Za-z0-9_-]{0,20}[A-Za-z0-9])?", fullmatch=True)
_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


@given(_WORD, st.sampled_from(sorted(_SUFFIXES)))
def test_names_are_what_the_arns_say(word: str, partition: str) -> None:
    def arn(service: str, resource: str) -> str:
        return f"arn:{partition}:{service}:r-1:123456789012:{resource}"

    assert linked.Table(arn("dynamodb", f"table/{word}")).table_name == word
    assert linked.Bucket(f"arn:{partition}:s3:::{word}").bucket_name == word
    assert linked.Queue(arn("sqs", word)).queue_url == f"https://sqs.r-1.{_SUFFIXES[partition]}/123456789012/{word}"
    assert linked.EventBus(arn("events", f"event-bus/{word}")).event_bus_name == word
    assert linked.Stream(arn("kinesis", f"stream/{word}")).stream_name == word
    assert linked.DeliveryStream(arn("firehose", f"deliverystream/{word}")).delivery_stream_name == word
    assert linked.Function(arn("lambda", f"function:{word}")).function_name == word
    workflow = linked.CallbackWorkflow(arn("states", "stateMachine:m"), arn("dynamodb", f"table/{word}"))
    assert workflow.callback_table_name == word


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"links": {"Orders": {}}}, r"links\['Orders'\]\" has to be small letters"),
        ({"secrets": {"class": "x"}}, r"secrets\['class'\]\" has to be small letters"),
        ({"links": {"a": "arn:x"}}, "'link' is a str; make it with link"),
        ({"links": {"a": {"arn": "x", "kind": "TABEL", "access": []}}}, "'kind' is 'TABEL'; .* is 'TABLE' meant"),
        ({"links": {"a": {"arn": "x", "kind": "TABLE", "access": []}}}, "'access' is empty"),
        ({"links": {"a": {"arn": "x", "kind": "TABLE", "access": ["WRIT"]}}}, "'access' is 'WRIT'; .* 'WRITE' meant"),
        ({"links": {"a": {"arn": "x", "kind": "QUEUE", "access": ["READ"]}}}, "is READ; a QUEUE has SEND"),
        (
            {"links": {"a": {"arn": "x", "kind": "CALLBACK_WORKFLOW", "access": ["RESUME"]}}},
            "'callback_table_arn' is missing; a CALLBACK_WORKFLOW needs it",
        ),
        ({"secrets": {"a": "x"}, "parameters": {"a": "y"}}, r"parameters\['a'\]\" has the name of another link"),
        (
            {"environment": {"MINE": "x" * ENVIRONMENT_BYTES}, "secrets": {"a": "x"}},
            f"make an environment of .* bytes, .* of them for the links; Lambda takes {ENVIRONMENT_BYTES}",
        ),
    ],
)
def test_a_wrong_link_is_named(args: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record(lambda: IdempotentLambda("f", code=CODE, **args))


@pytest.mark.parametrize(
    ("access", "queue", "message"),
    [
        (["sned"], {}, "'access' is 'SNED'; .* is 'SEND' meant"),
        (["read"], {}, "'access' is 'read'; it has send"),
        ([], {}, "'access' is missing; it has send"),
        (
            ["send"],
            {"kms_master_key_id": "alias/mine"},
            "'kms_key_arn' is missing; the alias 'alias/mine' does not say",
        ),
    ],
)
def test_what_cannot_be_linked_is_named(access: list[Any], queue: dict[str, Any], message: str) -> None:
    def program() -> None:
        IdempotentLambda("f", code=CODE, links={"q": link(aws.sqs.Queue("q", **queue), *access)})

    with pytest.raises(ValueError, match=message):
        record(program)


def test_a_function_without_a_queue_is_sent_nothing() -> None:
    def program() -> None:
        IdempotentLambda("f", code=CODE, links={"work": link(IdempotentLambda("worker", code=CODE), "send")})

    with pytest.raises(ValueError, match="IdempotentLambda 'worker': the argument 'target' has no queue"):
        record(program)


def test_another_type_and_several_things_are_named() -> None:
    def program() -> None:
        with pytest.raises(ArgumentError, match="type that cannot be linked; the nearest is aws:sqs/queue:Queue"):
            link(aws.sqs.QueuePolicy("p", queue_url="u", policy="{}"), "send")
        worker = IdempotentLambda("worker", code=CODE, queue_source={})
        with pytest.raises(ArgumentError, match="is of several things; make a link for each"):
            link(worker, "invoke", "send")

    record(program)
