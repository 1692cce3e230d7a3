"""What a function is linked with, by the names that its component gives the links::

    from eda_runtime import links

    links.orders.client.put_item(TableName=links.orders.table_name, Item=…)
    links.api_key.get()

Each is one of ``eda_runtime.linked``; a name that is no link raises ``LinkError``, which names the nearest one. Read
them where the handler's module is loaded: so a wrong name fails before any event.

Environment:
    EDA_LINKS: JSON with the ARN by name, in a list where there is more to say; unset for a function without links.
"""

# No other names here: they would be taken for links.
from typing import Any as _Any

from eda_runtime import linked as _linked


def __getattr__(name: str) -> _Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _linked.named(name)
