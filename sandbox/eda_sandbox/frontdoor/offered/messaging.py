"""What the sandbox offers of SQS and SNS."""

from eda_sandbox.foundation.offered import Offered

_QUEUE = " ".join(
    f"~Attributes.{name}"
    for name in ("DeduplicationScope", "FifoThroughputLimit", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
)
SQS = Offered(
    "sqs",
    "InvalidParameterValue",
    {
        "ChangeMessageVisibility": "*",
        "ChangeMessageVisibilityBatch": "*",
        "CreateQueue": f"* {_QUEUE}",
        "DeleteMessage": "*",
        "DeleteMessageBatch": "*",
        "DeleteQueue": "*",
        "GetQueueAttributes": "*",
        "GetQueueUrl": "*",
        "ListDeadLetterSourceQueues": "*",
        "ListQueueTags": "*",
        "ListQueues": "*",
        "PurgeQueue": "*",
        "ReceiveMessage": "QueueUrl AttributeNames MessageSystemAttributeNames MessageAttributeNames "
        "MaxNumberOfMessages VisibilityTimeout WaitTimeSeconds",
        "SendMessage": "*",
        "SendMessageBatch": "*",
        "SetQueueAttributes": f"* {_QUEUE}",
        "TagQueue": "*",
        "UntagQueue": "*",
    },
    "InvalidAction",
)
SNS = Offered(
    "sns",
    "InvalidParameter",
    {
        "ConfirmSubscription": "TopicArn Token",
        "CreateTopic": "Name Tags Attributes.FifoTopic Attributes.ContentBasedDeduplication Attributes.Policy "
        "Attributes.KmsMasterKeyId ~Attributes.DisplayName ~Attributes.DeliveryPolicy ~Attributes.TracingConfig "
        "~Attributes.SignatureVersion ~Attributes.FifoThroughputScope",
        "DeleteTopic": "*",
        "GetSubscriptionAttributes": "*",
        "GetTopicAttributes": "*",
        "ListSubscriptions": "*",
        "ListSubscriptionsByTopic": "*",
        "ListTagsForResource": "*",
        "ListTopics": "*",
        "Publish": "TopicArn TargetArn PhoneNumber Message Subject MessageStructure MessageAttributes "
        "MessageDeduplicationId MessageGroupId",
        "PublishBatch": "*",
        "SetSubscriptionAttributes": "* AttributeName=FilterPolicy|FilterPolicyScope|RawMessageDelivery|RedrivePolicy",
        "SetTopicAttributes": "* AttributeName=ContentBasedDeduplication|DisplayName|DeliveryPolicy|KmsMasterKeyId|"
        "Policy|SignatureVersion|TracingConfig|FifoThroughputScope",
        "Subscribe": "TopicArn Protocol Endpoint ReturnSubscriptionArn Attributes.FilterPolicy "
        "Attributes.FilterPolicyScope Attributes.RawMessageDelivery Attributes.RedrivePolicy",
        "TagResource": "*",
        "Unsubscribe": "*",
        "UntagResource": "*",
    },
    "InvalidAction",
)
