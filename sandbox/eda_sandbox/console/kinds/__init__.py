"""The kinds of resources that the console knows, in the order in which items mostly meet them."""

from eda_sandbox.console.kinds.apis import Apis
from eda_sandbox.console.kinds.buckets import Buckets
from eda_sandbox.console.kinds.data_sets import DataSets
from eda_sandbox.console.kinds.delivery_streams import DeliveryStreams
from eda_sandbox.console.kinds.functions import Functions
from eda_sandbox.console.kinds.jobs import Jobs
from eda_sandbox.console.kinds.machines import Machines
from eda_sandbox.console.kinds.pipes import Pipes
from eda_sandbox.console.kinds.queues import Queues
from eda_sandbox.console.kinds.rules import Buses, Rules
from eda_sandbox.console.kinds.schedules import Schedules
from eda_sandbox.console.kinds.streams import Streams
from eda_sandbox.console.kinds.tables import Tables
from eda_sandbox.console.kinds.topics import Topics
from eda_sandbox.console.kinds.warehouses import Warehouses
from eda_sandbox.console.kinds.workgroups import Workgroups

KINDS = (
    Apis,
    Machines,
    Functions,
    Tables,
    Streams,
    Pipes,
    Queues,
    Topics,
    Buses,
    Rules,
    DeliveryStreams,
    Buckets,
    Workgroups,
    Schedules,
    Jobs,
    Warehouses,
    DataSets,
)
