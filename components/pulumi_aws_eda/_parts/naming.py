"""Physical names, within the limits of the services."""

import hashlib

import pulumi


def physical_name(name: str, limit: int) -> str:
    """Project, stack and logical name, cut to a service's limit with a digest of what was cut.

    Args:
        name: the logical name.
        limit: characters that the service allows, 64 for a Lambda function, 80 for a state machine or a queue.
    """
    full = f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"
    if len(full) <= limit:
        return full
    return f"{full[: limit - 9]}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
