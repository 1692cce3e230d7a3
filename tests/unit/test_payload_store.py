"""PayloadStore and what a function makes of it: exact children, statements, settings and errors."""

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi_aws_eda import ArgumentError, IdempotentLambda, PayloadAccess, PayloadStore, archives
from pulumi_aws_eda.testing import Recording, record

CODE = archives.directory_archive(Path(__file__).parents[2] / "functions" / "get_order")
BUCKET = "aws:s3/bucket:Bucket"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"


def make(**args: Any) -> Recording:
    return record(lambda: PayloadStore("p", args))  # type: ignore[arg-type]  # wrong arguments are tried too


def function(access: PayloadAccess = PayloadAccess.READ_WRITE, **store: Any) -> Recording:
    def program() -> None:
        made = PayloadStore("p", store)  # type: ignore[arg-type]  # its arguments by name
        IdempotentLambda("f", {"code": CODE, "payload_store": made.for_function(access, 5_000)})

    return record(program)


def test_it_makes_exactly_a_bucket_with_its_settings() -> None:
    made = make()
    assert {name for _, name in made.names()} == {"p-payloads"}
    assert {kind.rpartition(":")[2] for kind, _ in made.names()} == {
        "Bucket",
        "BucketLifecycleConfiguration",
        "BucketOwnershipControls",
        "BucketPolicy",
        "BucketPublicAccessBlock",
        "BucketServerSideEncryptionConfiguration",
        "BucketVersioning",
    }
    assert "forceDestroy" not in made.one(BUCKET).inputs or made.one(BUCKET).inputs["forceDestroy"] is False


def test_payloads_expire_and_replaced_versions_go_after_a_day() -> None:
    kind = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    (rule,) = make(expiration_days=90).one(kind).inputs["rules"]
    assert rule["expiration"] == {"days": 90}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 1}
    assert make().one(kind).inputs["rules"][0]["expiration"] == {"days": 30}


def test_statements_name_the_actions_and_the_prefix() -> None:
    def program() -> None:
        import pulumi

        made = PayloadStore("p", {"prefix": "big/"})
        for name in PayloadStore.__annotations__:
            pulumi.export(name, getattr(made, name))

    exports = record(program).exports
    arn = exports["bucket_arn"]
    (read,), (write,) = json.loads(exports["reader_statements"]), json.loads(exports["writer_statements"])
    assert (read["Action"], read["Resource"]) == (["s3:GetObject", "s3:ListBucket"], [arn, f"{arn}/big/*"])
    assert (write["Action"], write["Resource"]) == (["s3:PutObject"], [f"{arn}/big/*"])


@pytest.mark.parametrize(
    ("access", "sids"),
    [
        (PayloadAccess.READ, {"GetPayloads"}),
        (PayloadAccess.WRITE, {"PutPayloads"}),
        (PayloadAccess.READ_WRITE, {"GetPayloads", "PutPayloads"}),
    ],
)
def test_a_function_may_do_what_its_access_says_and_is_told(access: PayloadAccess, sids: set[str]) -> None:
    made = function(access=access)
    assert set(made.statements("f-role")) == {"WriteLog", "Trace"} | sids
    variables = made.one("aws:lambda/function:Function").inputs["environment"]["variables"]
    assert json.loads(variables["EDA_PAYLOAD_STORE"]) == {
        "bucket": "p-payloads-id",
        "prefix": "payloads/",
        "budget": 5_000,
        "access": access.value,
    }


def test_a_keys_store_lets_the_function_use_the_key() -> None:
    statements = function(kms_key_arn=KEY).statements("f-role")
    for sid, action in (("DecryptWithKey", "kms:Decrypt"), ("EncryptWithKey", "kms:GenerateDataKey")):
        assert (statements[sid]["Action"], statements[sid]["Resource"]) == ([action], [KEY])
        assert statements[sid]["Condition"] == {"StringLike": {"kms:ViaService": ["s3.eu-central-1.*"]}}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"expiration_day": 1}, "'expiration_day' is unknown; is 'expiration_days' meant?"),
        ({"expiration_days": 0}, "'expiration_days' is 0; allowed are whole numbers from 1 to 3650"),
        ({"prefix": "payloads"}, "'prefix' is 'payloads'; it must end with '/'"),
        ({"prefix": "/payloads/"}, "it must end with '/' and not begin with it"),
    ],
)
def test_a_wrong_argument_names_component_argument_and_what_is_allowed(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        make(**args)
    assert str(raised.value).startswith("PayloadStore 'p'")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ({"bucket_name": "b"}, "'bucket_arn' is missing"),
        ({"bucket_name": "b", "bucket_arn": "a", "budget": 200_001}, "allowed are whole numbers from 1000 to 200000"),
        ({"bucket_name": "b", "bucket_arn": "a", "access": "RAED"}, "allowed are READ, WRITE, READ_WRITE"),
    ],
)
def test_a_functions_wrong_store_is_refused(store: dict[str, Any], message: str) -> None:
    args: Any = {"code": CODE, "payload_store": store}
    with pytest.raises(ArgumentError, match=r"IdempotentLambda 'f', payload_store") as raised:
        record(lambda: IdempotentLambda("f", args))
    assert message in str(raised.value)


def test_a_bucket_that_cannot_be_deleted_is_left_as_it_is() -> None:
    made = record(lambda: PayloadStore("p", {}))
    urns = {request.type: (response.urn, request.deletedWith) for request, response in made.registrations}
    bucket = urns.pop("aws:s3/bucket:Bucket")[0]
    settings = {type: with_ for type, (_, with_) in urns.items() if type.startswith("aws:s3/")}
    assert len(settings) >= 5
    assert set(settings.values()) == {bucket}
