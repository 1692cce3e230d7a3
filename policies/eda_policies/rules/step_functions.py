"""Rules on Step Functions."""

from eda_policies.functions import MACHINE
from eda_policies.resource import Findings, Property, Resource
from eda_policies.rule import Category, Option, Options, resource_rule
from eda_policies.states_language import State, states
from eda_policies.states_validity import mistakes

_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg/"


class StateMachine(Resource):
    """A state machine; what is not set reads as AWS's default."""

    @property
    def kind(self) -> Property[str]:
        """``STANDARD`` or ``EXPRESS``."""
        return self.text("type", "STANDARD")

    @property
    def states(self) -> list[State]:
        """All states of a definition that is known."""
        return list(states(self.document("definition").value or {}))

    @property
    def bounded(self) -> bool:
        """Whether the machine as a whole ends by itself."""
        return bool((self.document("definition").value or {}).get("TimeoutSeconds"))

    def known(self) -> Findings:
        """Report a definition that is unknown or no JSON."""
        yield from self.document("definition").require(lambda _known: True, "a definition in JSON")


@resource_rule(
    "sfn-tracing",
    StateMachine,
    MACHINE,
    holds="A state machine is traced by X-Ray.",
    why="The machine is where an event's hops meet: without its segment a trace falls apart.",
    fix='Set tracing_configuration={"enabled": True}.',
    reference=_GUIDE + "concepts-xray-tracing.html",
    category=Category.MISSION,
    essential=True,
)
def tracing(machine: StateMachine, options: Options) -> Findings:
    """Tracing is on."""
    yield from machine.flag("tracingConfiguration.enabled", False).require(lambda on: on, "true")


@resource_rule(
    "sfn-logging",
    StateMachine,
    MACHINE,
    holds="A state machine logs, at least its errors, to a log group.",
    why="Express executions leave nothing else behind, and histories of Standard ones go after 90 days.",
    fix="Set logging_configuration with a level and a log_destination.",
    reference=_GUIDE + "cw-logs.html",
    category=Category.OPERATIONS,
    options={
        "levels": Option.of(
            {
                "type": "array",
                "items": {"type": "string", "enum": ["ALL", "ERROR", "FATAL"]},
                "minItems": 1,
                "description": "the levels that are allowed",
            },
            ["ALL", "ERROR"],
        )
    },
)
def logging(machine: StateMachine, options: Options) -> Findings:
    """Executions are logged."""
    levels = options["levels"]
    yield from machine.text("loggingConfiguration.level", "OFF").require(
        lambda found: found in levels, " or ".join(levels)
    )
    yield from machine.text("loggingConfiguration.logDestination").require_given("a log group's ARN with :*")


@resource_rule(
    "sfn-definition-valid",
    StateMachine,
    MACHINE,
    holds="A definition is whole, and its tasks are retried with backoff and jitter, end in time, and fail on a path.",
    why="An error that nothing catches ends the execution, and what it worked on is lost until somebody looks. A task "
    "whose catcher goes on as the task itself does is best effort, and needs no retry.",
    fix="Give the task Retry (BackoffRate above 1, JitterStrategy FULL), Catch to a failure path, and TimeoutSeconds.",
    reference=_GUIDE + "concepts-error-handling.html",
    category=Category.RELIABILITY,
)
def definition_valid(machine: StateMachine, options: Options) -> Findings:
    """Definitions are whole and handle errors."""
    yield from machine.known()
    definition = machine.document("definition")
    if definition.value is None:
        return
    for mistake in mistakes(definition.value):
        yield machine.finding(f"the definition is not whole: {mistake}", "states that lead to each other")
    standard = machine.kind.value == "STANDARD"
    for state in machine.states:
        if state.type == "Task":
            yield from _handled(machine, state, standard=standard)


def _handled(machine: StateMachine, state: State, *, standard: bool) -> Findings:
    def finding(found: str, allowed: str) -> Findings:
        yield machine.finding(f"the task {state.name} {found}", allowed)

    retries = [retry for retry in state.retries if retry.get("MaxAttempts", 3) != 0]
    if not retries and not state.best_effort:
        yield from finding("is not retried", "a Retry")
    for retry in retries:
        rate = retry.get("BackoffRate", 2)
        if not isinstance(rate, int | float) or rate <= 1 or retry.get("JitterStrategy") != "FULL":
            yield from finding("is retried without backoff and jitter", "BackoffRate above 1, JitterStrategy FULL")
            break
    # The caller of an Express machine is told that it failed.
    if standard and not (state.catches or state.caught or state.failure_path):
        yield from finding("has no Catch", "a Catch that leads to a failure path")
    if state.long_running and not (state.bounded or machine.bounded):
        yield from finding("has no timeout", "TimeoutSeconds")


@resource_rule(
    "sfn-callback-timeout",
    StateMachine,
    MACHINE,
    holds="A task that waits for a callback has a timeout or a heartbeat.",
    why="A callback that is lost holds the execution for a year.",
    fix="Set TimeoutSeconds (or HeartbeatSeconds) on the task, and catch States.Timeout.",
    reference=_GUIDE + "connect-to-resource.html#connect-wait-token",
    category=Category.RELIABILITY,
    essential=True,
)
def callback_timeout(machine: StateMachine, options: Options) -> Findings:
    """Waiting ends."""
    yield from machine.known()
    for state in machine.states:
        if state.waits_for_callback and not state.bounded:
            yield machine.finding(f"the task {state.name} waits for a callback without end", "TimeoutSeconds")


@resource_rule(
    "sfn-callback-standard",
    StateMachine,
    MACHINE,
    holds="Callbacks, jobs that are waited for and activities are in Standard machines.",
    why="Express machines end after five minutes, cannot wait for tokens, and may run twice.",
    fix='Set type="STANDARD", or start a Standard machine from the Express one.',
    reference=_GUIDE + "concepts-standard-vs-express.html",
    category=Category.RELIABILITY,
    essential=True,
)
def callback_standard(machine: StateMachine, options: Options) -> Findings:
    """Only Standard machines wait."""
    yield from machine.known()
    if machine.kind.unknown:
        yield machine.undecided("type", "STANDARD")
    express = not machine.kind.unknown and machine.kind.value != "STANDARD"
    for state in machine.states:
        if (state.waits_for_callback or ".sync" in state.resource) and (express or state.express):
            of = "the items' ExecutionType is EXPRESS" if state.express else f"type is {machine.kind.shown}"
            yield machine.finding(f"{of} and the task {state.name} waits", "STANDARD")


_WHOLE = ("$", "$.Payload", "{% $states.result %}", "{% $states.result.Payload %}")


@resource_rule(
    "sfn-input-budget",
    StateMachine,
    MACHINE,
    holds="No task passes the whole answer of a function or an HTTP API on.",
    why="State is limited to 256 KB: an answer that grows ends the execution, and every later state pays for it.",
    fix="Pick what is needed by ResultSelector, or discard the answer by ResultPath null.",
    reference=_GUIDE + "service-quotas.html",
    category=Category.RELIABILITY,
)
def input_budget(machine: StateMachine, options: Options) -> Findings:
    """Answers are cut to what is needed."""
    yield from machine.known()
    for state in machine.states:
        answers = (state.calls_function or ":http:" in state.resource) and not state.waits_for_callback
        if not answers or ("ResultPath" in state.data and state.data["ResultPath"] is None):
            continue
        if _passes_all(state) and not _picked_behind(machine, state):
            yield machine.finding(
                f"the task {state.name} passes its whole answer on", "a ResultSelector with what is needed"
            )


def _picked_behind(machine: StateMachine, state: State) -> bool:
    """Whether what is needed takes the answer's place right behind the task, where a Choice has looked for it: what an
    answer lacks is an error in a ResultSelector that nothing catches."""
    states = {other.name: other for other in machine.states}
    behind = states.get(str(state.data.get("Next")))
    if behind is None or behind.type != "Choice":
        return False
    targets = [states.get(str(rule.get("Next"))) for rule in behind.data.get("Choices", [])]
    return bool(targets) and all(
        target is not None
        and target.type == "Pass"
        and "Parameters" in target.data
        and target.data.get("ResultPath") == state.data.get("ResultPath", "$")
        for target in targets
    )


def _passes_all(state: State) -> bool:
    selector = state.data.get("ResultSelector", state.data.get("Output", state.data.get("Assign")))
    if isinstance(selector, dict):
        return any(value in _WHOLE for value in selector.values() if isinstance(value, str))
    return selector is None or selector in _WHOLE
