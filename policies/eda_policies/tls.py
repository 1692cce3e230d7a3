"""Whether a bucket or a queue can be reached without TLS, as its policies say."""

from collections.abc import Sequence

from eda_policies.iam_questions import lets_plain_http_pass
from eda_policies.resource import Findings, Resource


def tls_findings(resource: Resource, service: str, holders: Sequence[Resource]) -> Findings:
    """Report a resource whose policies let a request without TLS pass.

    Args:
        resource: the bucket or queue.
        service: the prefix of its actions, ``s3`` or ``sqs``.
        holders: what may hold a policy of it: itself, and the policies that name it.
    """
    allowed = f"a policy that denies {service}:* to everybody where aws:SecureTransport is false"
    documents = [holder.document("policy") for holder in holders]
    known = [document.value for document in documents if document.value is not None]
    arn = resource.text("arn")
    if not lets_plain_http_pass(known, service, arn.value or f"arn:aws:{service}:::unknown", service == "s3"):
        return
    if any(document.unknown for document in documents):
        yield resource.undecided("its policy", allowed)
    elif known and arn.value is None:
        yield resource.undecided("arn", allowed)
    else:
        found = "its policy lets requests without TLS pass" if known else "no policy denies requests without TLS"
        yield resource.finding(found, allowed)
