"""What the pipeline's own data looks like behind the table: raw attributes, curated columns, and the query between."""

ATTRIBUTES = (
    "tenant",
    "status",
    "version",
    "correlation_id",
    "causation_id",
    "event_id",
    "traceparent",
    "schema_version",
    "occurred_at",
    "created_at",
    "updated_at",
    "payload",
    "result",
    "details",
    "error",
)
"""Attributes of an order's row that flow on with each change; nested data is one JSON string each."""

COLUMNS: dict[str, tuple[str, str]] = {
    "order_id": ("string", "VARCHAR(64)"),
    "version": ("bigint", "BIGINT"),
    "deleted": ("boolean", "BOOLEAN"),
    "status": ("string", "VARCHAR(32)"),
    "tenant": ("string", "VARCHAR(256)"),
    "correlation_id": ("string", "VARCHAR(256)"),
    "causation_id": ("string", "VARCHAR(512)"),
    "event_id": ("string", "VARCHAR(128)"),
    "traceparent": ("string", "VARCHAR(64)"),
    "occurred_at": ("timestamp", "TIMESTAMP"),
    "updated_at": ("timestamp", "TIMESTAMP"),
    "customer": ("string", "VARCHAR(256)"),
    "sku": ("string", "VARCHAR(256)"),
    "quantity": ("int", "INTEGER"),
    "result": ("string", "VARCHAR(65535)"),
    "details": ("string", "VARCHAR(65535)"),
    "error": ("string", "VARCHAR(1024)"),
}
"""The curated columns in the order of the files: type in the Glue table, type in Redshift."""

KEY, VERSION, DELETED = "order_id", "version", "deleted"

QUERY = """
SELECT
  order_id,
  CASE event_name WHEN 'REMOVE' THEN CAST(old_version AS bigint) + 1 ELSE CAST(version AS bigint) END AS version,
  event_name = 'REMOVE' AS deleted,
  NULLIF(status, '') AS status,
  NULLIF(tenant, '') AS tenant,
  COALESCE(NULLIF(correlation_id, ''), order_id) AS correlation_id,
  NULLIF(causation_id, '') AS causation_id,
  COALESCE(NULLIF(event_id, ''), stream_event_id) AS event_id,
  NULLIF(traceparent, '') AS traceparent,
  CAST(from_iso8601_timestamp(NULLIF(occurred_at, '')) AS timestamp) AS occurred_at,
  CAST(from_iso8601_timestamp(NULLIF(updated_at, '')) AS timestamp) AS updated_at,
  json_extract_scalar(NULLIF(payload, ''), '$.customer') AS customer,
  json_extract_scalar(NULLIF(payload, ''), '$.sku') AS sku,
  CAST(json_extract_scalar(NULLIF(payload, ''), '$.quantity') AS integer) AS quantity,
  NULLIF(result, '') AS result,
  NULLIF(details, '') AS details,
  NULLIF(error, '') AS error
FROM {rows}
"""
"""One raw object to curated rows; ``{rows}`` is the object. Raw columns are strings, a missing attribute is empty."""
