"""Buckets and their objects."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from eda_sandbox.console.nodes import ROWS, Kind, Listing, Metrics, Node

COUNTED = 5_000
"""So many objects are counted; of more it says so."""
SHOWN_BYTES = 20_000


class Buckets(Kind):
    """S3 buckets."""

    kind, title, service = "bucket", "S3 bucket", "s3"

    def nodes(self) -> Iterator[Node]:
        """All buckets."""
        for found in self.client().list_buckets()["Buckets"]:
            yield Node(self.kind, found["Name"], f"arn:aws:s3:::{found['Name']}")

    def metrics(self, node: Node) -> Metrics:
        """How many objects."""
        count = len(self._objects(node))
        return Metrics([f"{count}{'+' * (count >= COUNTED)} object{'s' * (count != 1)}"])

    def items(self, node: Node) -> Listing:
        """Its newest objects."""
        found = sorted(self._objects(node), key=lambda one: one["LastModified"], reverse=True)
        rows = [[one["Key"], one["Size"], one["LastModified"]] for one in found[:ROWS]]
        return Listing(["Object", "Bytes", "Written"], rows, len(found), "objects")

    def item(self, node: Node, id: str) -> Mapping[str, Any]:
        """An object's metadata, and its beginning where it is text."""
        try:
            found = self.client().get_object(Bucket=node.name, Key=id)
        except ClientError:
            raise KeyError(id) from None
        head = found["Body"].read(SHOWN_BYTES)
        try:
            text = head.decode()
        except UnicodeDecodeError:
            text = f"{head[:4]!r}… (binary)"
        return {
            "facts": {
                "Bytes": found["ContentLength"],
                "Written": found["LastModified"],
                "Type": found.get("ContentType", ""),
                "Metadata": found.get("Metadata", {}),
                "Content": text,
            }
        }

    def _objects(self, node: Node) -> list[dict[str, Any]]:
        pages = self.client().get_paginator("list_objects_v2")
        return [
            found
            for page in pages.paginate(Bucket=node.name, PaginationConfig={"MaxItems": COUNTED})
            for found in page.get("Contents", [])
        ]
