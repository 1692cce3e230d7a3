"""What a state machine calls."""


def integration(partition: str, action: str) -> str:
    """The ARN of an integration: of the machine's own partition, or each execution ends with "The resource belongs to a
    different partition".

    Args:
        partition: of the machine.
        action: for example ``dynamodb:putItem`` or ``aws-sdk:sfn:startExecution``.
    """
    return f"arn:{partition}:states:::{action}"
