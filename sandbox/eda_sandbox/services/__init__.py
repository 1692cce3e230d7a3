"""The services that the sandbox brings itself."""

from eda_sandbox.foundation.service import Service
from eda_sandbox.services.apigateway import ApiGateway
from eda_sandbox.services.athena import Athena
from eda_sandbox.services.events import Events
from eda_sandbox.services.firehose import Firehose
from eda_sandbox.services.glue import Glue
from eda_sandbox.services.lambda_ import Lambda
from eda_sandbox.services.logs import Logs
from eda_sandbox.services.pipes import Pipes
from eda_sandbox.services.quicksight import QuickSight
from eda_sandbox.services.redshift import RedshiftData, RedshiftServerless
from eda_sandbox.services.scheduler import Scheduler
from eda_sandbox.services.stepfunctions import StepFunctions
from eda_sandbox.services.xray import XRay

SERVICES: list[type[Service]] = [
    ApiGateway,
    Athena,
    Events,
    Firehose,
    Glue,
    Lambda,
    Logs,
    Pipes,
    QuickSight,
    RedshiftData,
    RedshiftServerless,
    Scheduler,
    StepFunctions,
    XRay,
]
