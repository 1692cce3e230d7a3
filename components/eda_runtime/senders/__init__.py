"""Senders: many messages with their envelope, in as few calls as the service's limits allow, and nothing lost unsaid::

    from eda_runtime import links
    from eda_runtime.records import envelope_of
    from eda_runtime.senders.bus import Event

    sender = links.readings.sender("sensors")

    def handle(record, context):
        sender.send([Event("Reading taken", {"id": "r-1", "celsius": 21})], envelope_of(record))

A module for each service: ``queue`` (SQS), ``topic`` (SNS), ``bus`` (EventBridge), ``stream`` (Kinesis),
``delivery_stream`` (Firehose). ``send`` puts the envelope into each message as its member ``envelope``, tries again
what the service did not take, and raises ``SendError`` with what it could not send and why. A message whose answer got
lost is sent again and so may come twice: readers tell it by what it says (``key_jmespath``), or FIFO queues by its id.
"""
