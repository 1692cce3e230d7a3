"""Powertools' DynamoDB persistence layer with a fence: only the owner of a record can change it.

Table: Powertools' own, partition key ``id`` (S), or a composite key; TTL attribute ``expiration``. Attributes beyond
Powertools': ``owner`` (S), ``reference`` (S) of a result in the payload store, ``omitted`` (BOOL). Records of plain
Powertools are understood, and replaced once they count no more.
"""

import datetime
import math
import secrets
import time
from contextvars import ContextVar
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import jmespath  # type: ignore[import-untyped]  # it has no types
from aws_lambda_powertools.shared.json_encoder import Encoder
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
    IdempotencyKeyError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord
from aws_lambda_powertools.utilities.jmespath_utils import PowertoolsFunctions
from botocore.exceptions import ClientError
from jmespath.functions import signature  # type: ignore[import-untyped]  # it has no types
from jmespath.visitor import TreeInterpreter  # type: ignore[import-untyped]  # it has no types

from eda_runtime import json_text
from eda_runtime.idempotency.core import (
    COMPLETED,
    INPROGRESS,
    Acquired,
    Committed,
    Conflict,
    Found,
    Lost,
    Record,
    Refused,
)
from eda_runtime.idempotency.keys import canonical_text, check_key, is_composite
from eda_runtime.transaction import TransactWriteItem

_BUSY = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Cancellation reasons that pass."""
_encoder: Any = Encoder()
_owners: ContextVar[dict[tuple[int, str], str] | None] = ContextVar("idempotency_owners", default=None)


class _Functions(PowertoolsFunctions):
    """Powertools' functions for JMESPath, whose JSON keeps its numbers' values and has no limit of depth."""

    @signature({"types": ["string"]})  # type: ignore[untyped-decorator]  # jmespath has no types
    def _func_powertools_json(self, value: str) -> Any:
        try:
            return json_text.loads(value)
        except ValueError:
            raise IdempotencyKeyError("what the idempotency key is read from is no JSON") from None


def _serialisable(value: Any) -> Any:
    """What Powertools hashes of a value that JSON has not.

    Raises:
        TypeError: it hashes none of that kind.
    """
    try:
        return _encoder.default(value)
    except TypeError:
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, UUID | PurePath):
            return str(value)
        raise


class FencedDynamoDBPersistenceLayer(DynamoDBPersistenceLayer):
    """A DynamoDB persistence layer whose every change demands the owner's token.

    Takes the arguments of Powertools' ``DynamoDBPersistenceLayer``. Powertools' own decorators work with it too; each
    thread or task then owns what it put.
    """

    def key_of(self, data: Any) -> str | None:
        """The idempotency key: prefix and hash of what ``event_key_jmespath`` finds; None when nothing is found and the
        configuration allows that.

        Raises:
            IdempotencyKeyError: there is none, or a part of a composite one is missing.
        """
        expression = self.event_key_compiled_jmespath
        found = data if expression is None else self._search(expression, data)
        if not self.raise_on_no_idempotency_key and self.is_missing_idempotency_key(data=found):
            return super()._get_hashed_idempotency_key(data)
        check_key(found, expression is not None and is_composite(expression.parsed))
        return self.hashed(found)

    def hashed(self, key: Any) -> str:
        """A key's prefix and hash."""
        return f"{self.function_name}#{self._generate_hash(key)}"

    def fingerprint_of(self, data: Any) -> str | None:
        """Hash of what ``payload_validation_jmespath`` finds; None when nothing is compared."""
        return self._get_hashed_payload(data) if self.payload_validation_enabled else None

    def acquire(self, record: Record, now: float) -> Acquired | Found | Conflict:
        """Put a record if there is none that counts at ``now`` (seconds since the epoch)."""
        cached = self._cached(record.key, now)
        if cached is not None:
            return Found(cached)
        try:
            self.client.put_item(
                TableName=self.table_name,
                Item=self._item(record),
                ConditionExpression="attribute_not_exists(#id) OR #expiry < :now "
                "OR (#status = :inprogress AND attribute_exists(#locked) AND #locked < :now_ms)",
                ExpressionAttributeNames={
                    "#id": self.key_attr,
                    "#expiry": self.expiry_attr,
                    "#locked": self.in_progress_expiry_attr,
                    "#status": self.status_attr,
                },
                ExpressionAttributeValues={
                    ":now": {"N": str(int(now))},
                    ":now_ms": {"N": str(int(now * 1000))},
                    ":inprogress": {"S": INPROGRESS},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "ConditionalCheckFailedException":
                    return self._found(error.response.get("Item"))
                case "TransactionConflictException":
                    return Conflict()
            raise
        return Acquired()

    def read(self, key: str) -> Found:
        """Read a record, consistently."""
        answer = self.client.get_item(TableName=self.table_name, Key=self._get_key(key), ConsistentRead=True)
        return self._found(answer.get("Item"))

    def complete(
        self, record: Record, writes: tuple[TransactWriteItem, ...] = ()
    ) -> Committed | Lost | Refused | Conflict:
        """Complete a record that its owner has in progress, and do the writes, all or nothing."""
        update = self._completion(record)
        client: Any = self.client
        try:
            if writes:
                client.transact_write_items(
                    TransactItems=[{"Update": update}, *writes], ClientRequestToken=record.owner
                )
            else:
                client.update_item(**update)
        except ClientError as error:
            match error.response["Error"]["Code"]:
                case "ConditionalCheckFailedException":
                    return Lost(self._found(error.response.get("Item")).record)
                case "TransactionConflictException" | "TransactionInProgressException":
                    return Conflict()
                case "TransactionCanceledException":
                    return self._cancelled(error)
            raise
        if self.use_local_cache:
            self._cache[record.key] = record
        return Committed()

    def renew(self, record: Record) -> bool:
        """Move the lock of a record that its owner has in progress; whether it has."""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=self._get_key(record.key),
                UpdateExpression="SET #locked = :locked, #expiry = :expiry",
                **self._fence(
                    record,
                    {"#locked": self.in_progress_expiry_attr, "#expiry": self.expiry_attr},
                    {":locked": {"N": str(record.locked_until)}, ":expiry": {"N": str(record.expires_at)}},
                ),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def release(self, record: Record) -> None:
        """Delete a record that its owner has in progress; nothing happens when it has not."""
        try:
            self.client.delete_item(
                TableName=self.table_name, Key=self._get_key(record.key), **self._fence(record, {}, {})
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def record_of(self, item: dict[str, Any]) -> Record:
        """A record from the table's item."""
        locked = item.get(self.in_progress_expiry_attr)
        return Record(
            # With a composite key Powertools takes the partition key, and its local cache never hits.
            key=item[self.sort_key_attr or self.key_attr]["S"],
            owner=item.get("owner", {}).get("S", ""),
            status=item[self.status_attr]["S"],
            expires_at=int(item[self.expiry_attr]["N"]),
            locked_until=int(locked["N"]) if locked else None,
            fingerprint=item.get(self.validation_key_attr, {}).get("S", ""),
            data=item.get(self.data_attr, {}).get("S"),
            reference=item.get("reference", {}).get("S"),
            omitted=item.get("omitted", {}).get("BOOL", False),
        )

    def data_record(self, record: Record) -> DataRecord:
        """A record as Powertools' response hooks get it."""
        return DataRecord(
            idempotency_key=record.key,
            status=record.status,
            expiry_timestamp=record.expires_at,
            in_progress_expiry_timestamp=record.locked_until,
            response_data=record.data or "",
            payload_hash=record.fingerprint,
            sort_key=record.key if self.sort_key_attr else None,
        )

    def configure(self, *args: Any, **more: Any) -> None:
        """Take a configuration, as Powertools' layer does: the first one counts."""
        super().configure(*args, **more)
        options = dict(self.jmespath_options or {})
        # Functions of the user's own are left as they are.
        if type(options.get("custom_functions")) is PowertoolsFunctions:
            options["custom_functions"] = _Functions()
        # What `search` of an expression makes anew for each search.
        self._interpreter = TreeInterpreter(jmespath.Options(**options))

    def _search(self, expression: Any, data: Any) -> Any:
        return self._interpreter.visit(expression.parsed, data)

    def _get_hashed_payload(self, data: Any) -> str:
        if not self.payload_validation_enabled:
            return ""
        return self._generate_hash(self._search(self.validation_key_jmespath, data))

    def _get_hashed_idempotency_key(self, data: Any) -> str | None:
        return self.key_of(data)

    def _generate_hash(self, data: Any) -> str:
        # Powertools' text, so that its keys are ours, but without the limits of its writer.
        text = canonical_text(data, _serialisable)
        return str(self.hash_function(text.encode()).hexdigest())

    def _found(self, item: Any) -> Found:
        record = self.record_of(item) if item else None
        if record is not None and record.status == COMPLETED and self.use_local_cache:
            self._cache[record.key] = record
        return Found(record)

    def _cached(self, key: str, now: float) -> Record | None:
        cache: Any = self._cache if self.use_local_cache else {}
        found = cache.get(key)
        return found if isinstance(found, Record) and not found.takeable(now) else None

    def _item(self, record: Record) -> dict[str, Any]:
        item: dict[str, Any] = {
            **self._get_key(record.key),
            self.expiry_attr: {"N": str(record.expires_at)},
            self.status_attr: {"S": record.status},
            "owner": {"S": record.owner},
        }
        if record.locked_until is not None:
            item[self.in_progress_expiry_attr] = {"N": str(record.locked_until)}
        if record.fingerprint:
            item[self.validation_key_attr] = {"S": record.fingerprint}
        return item

    def _fence(self, record: Record, names: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
        return {
            "ConditionExpression": "#owner = :owner AND #status = :inprogress",
            "ExpressionAttributeNames": {"#owner": "owner", "#status": self.status_attr, **names},
            "ExpressionAttributeValues": {
                ":owner": {"S": record.owner},
                ":inprogress": {"S": INPROGRESS},
                **values,
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _completion(self, record: Record) -> dict[str, Any]:
        kept: dict[str, tuple[str, Any]] = {
            "#status": (self.status_attr, {"S": COMPLETED}),
            "#expiry": (self.expiry_attr, {"N": str(record.expires_at)}),
        }
        if record.data is not None:
            kept["#data"] = (self.data_attr, {"S": record.data})
        if record.fingerprint:
            kept["#validation"] = (self.validation_key_attr, {"S": record.fingerprint})
        if record.reference is not None:
            kept["#reference"] = ("reference", {"S": record.reference})
        if record.omitted:
            kept["#omitted"] = ("omitted", {"BOOL": True})
        return {
            "TableName": self.table_name,
            "Key": self._get_key(record.key),
            "UpdateExpression": "SET " + ", ".join(f"{name} = :{name[1:]}" for name in kept),
            **self._fence(
                record,
                {name: attribute for name, (attribute, _) in kept.items()},
                {f":{name[1:]}": value for name, (_, value) in kept.items()},
            ),
        }

    def _cancelled(self, error: ClientError) -> Lost | Refused | Conflict:
        response: Any = error.response
        reasons: list[dict[str, Any]] = list(response.get("CancellationReasons") or [])
        codes = [reason.get("Code", "None") for reason in reasons]
        if codes and codes[0] == "ConditionalCheckFailed":
            return Lost(self._found(reasons[0].get("Item")).record)
        if "ConditionalCheckFailed" in codes:
            return Refused(tuple(reasons[1:]))
        if _BUSY.intersection(codes):
            return Conflict()
        raise error

    # What Powertools' own decorators call. They know no token, so the token stays here, by thread or task.

    def _owned(self) -> dict[tuple[int, str], str]:
        owned = _owners.get()
        if owned is None:
            owned = {}
            _owners.set(owned)
        return owned

    def _mine(self, data_record: DataRecord) -> Record:
        return Record(
            key=data_record.idempotency_key,
            owner=self._owned().get((id(self), data_record.idempotency_key), ""),
            status=COMPLETED,
            expires_at=data_record.expiry_timestamp or 0,
            fingerprint=data_record.payload_hash,
            data=data_record.response_data,
        )

    def _put_record(self, data_record: DataRecord) -> None:
        locked = data_record.in_progress_expiry_timestamp
        record = Record(
            key=data_record.idempotency_key,
            owner=secrets.token_hex(16),
            status=INPROGRESS,
            # A record that expires before its lock would let a second attempt in.
            expires_at=max(data_record.expiry_timestamp or 0, math.ceil((locked or 0) / 1000)),
            locked_until=locked,
            fingerprint=data_record.payload_hash,
        )
        answer = self.acquire(record, time.time())
        if isinstance(answer, Acquired):
            self._owned()[id(self), record.key] = record.owner
            return
        if isinstance(answer, Conflict) or answer.record is None:
            raise IdempotencyItemAlreadyExistsError
        old = self.data_record(answer.record)
        self._validate_payload(data_payload=data_record, stored_data_record=old)
        self._save_to_cache(data_record=old)
        raise IdempotencyItemAlreadyExistsError(old_data_record=old)

    def _update_record(self, data_record: DataRecord) -> None:
        answer = self.complete(self._mine(data_record))
        if not isinstance(answer, Committed):
            raise IdempotencyAlreadyInProgressError("the record is no longer this attempt's")
        self._owned().pop((id(self), data_record.idempotency_key), None)

    def _delete_record(self, data_record: DataRecord) -> None:
        self.release(self._mine(data_record))
        self._owned().pop((id(self), data_record.idempotency_key), None)

    def _get_record(self, idempotency_key: str) -> DataRecord:
        found = self.read(idempotency_key).record
        if found is None:
            raise IdempotencyItemNotFoundError
        return self.data_record(found)
