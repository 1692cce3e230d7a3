"""What KMS asks IAM for when a key is used: it is asked on the key, whatever alias it was named by (KMS
Developer Guide, "Using aliases to control access to KMS keys" and "Condition keys for AWS KMS").
"""

from collections.abc import Mapping
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import request_scope
from ministack.services import kms as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION
from eda_sandbox.frontdoor.asked import Asked

OPERATIONS = frozenset(
    {
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetPublicKey",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)


def asked(operation: str, given: Mapping[str, Any]) -> Asked:
    """What an operation with a key needs.

    Args:
        operation: one of ``OPERATIONS``.
        given: its parameters.
    """
    named = given.get("KeyId") or iam_actions._kms_key_id_from_ciphertext(str(given.get("CiphertextBlob", "")))
    context = given.get("EncryptionContext")
    with request_scope(ACCOUNT, REGION):
        found = emulated._resolve_key(named) if named else None
    if found is not None:
        arn = str(found["Arn"])
    else:
        arn = named if named.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{named}"
    pairs = context.items() if isinstance(context, dict) else ()
    keys: dict[str, Any] = {f"kms:encryptioncontext:{name}".lower(): value for name, value in pairs}
    keys["kms:encryptioncontextkeys"] = [name for name, _ in pairs] or None
    keys["kms:calleraccount"] = ACCOUNT
    if "alias/" in named:
        keys["kms:requestalias"] = named.rpartition(":")[2]
    return Asked(f"kms:{operation}", arn, keys)
