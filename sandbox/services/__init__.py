"""The services that the sandbox brings itself."""

from sandbox.service import Service
from sandbox.services.apigateway import ApiGateway
from sandbox.services.athena import Athena
from sandbox.services.events import Events
from sandbox.services.firehose import Firehose
from sandbox.services.glue import Glue
from sandbox.services.lambda_ import Lambda
from sandbox.services.logs import Logs
from sandbox.services.pipes import Pipes
from sandbox.services.quicksight import QuickSight
from sandbox.services.redshift_data import RedshiftData
from sandbox.services.redshift_serverless import RedshiftServerless
from sandbox.services.scheduler import Scheduler
from sandbox.services.stepfunctions import StepFunctions
from sandbox.services.xray import XRay

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
