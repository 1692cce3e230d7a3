"""The page of what no source decides: ``docs/doubts.md``."""

from eda_sandbox.foundation.doubts import DOUBTS, Doubt

HOLDS = {
    "pipes-missing-path": "The query takes an empty string, NULL and a missing member for the same: orders run to the "
    "end at each value.",
    "pipes-quotes": "With `verbatim` every row whose payload is JSON makes none, and waits in the sink's dead-letter "
    "queue: nothing is lost, `redrive-changes` delivers it, but nothing flows by itself. Then the Pipe has to give way "
    "to a function between stream and Firehose.",
    "pipes-large-batches": "A Pipe's default batch fits into one call of its target. One that does not is halved; the "
    "alarm of the pipe's failures may ring.",
    "apigateway-header-names": "The template looks through all headers, whatever their case.",
    "apigateway-repeated-member": "A row holds what was parsed, the last one; where it is refused, the answer is 400.",
    "stepfunctions-sdk-throttle": "Retries name `States.TaskFailed` and take out what no retry helps.",
    "stepfunctions-data-limit": "Its catchers name `States.DataLimitExceeded` beside `States.ALL`.",
    "glue-python-shell-log-group": "With `default` loads run as ever, but `trace` shows no hop `load-job`, the saved "
    "queries lack its lines, and they are in `/aws-glue/python-jobs/output`.",
}
"""What the pipeline does at each value."""

PROBED = {
    "pipes": ("pipes-missing-path", "pipes-quotes"),
    "rest-api": ("apigateway-header-names", "apigateway-repeated-member"),
    "python-shell": ("glue-python-shell-log-group",),
}
"""The doubts that each probe decides."""

CHANCE = ("pipes-large-batches", "stepfunctions-sdk-throttle")
"""What cannot be brought about on purpose."""

UNSEEN = {
    "Whether `TriggeredRules` counts a rule without targets.": "The rule that counts loads has none. If it is not "
    "counted, the alarm `overdue` rings from the first day on: give the rule a target, for example a log group.",
    "Whether a Pipe that is created right after its role's policy finds it.": "The provider does not wait for IAM "
    "here. If the Pipe fails to be created, run `pulumi up` again.",
    "How many characters of a text SPICE takes.": "`result` and `details` have up to 65,535 bytes; what is longer than "
    "SPICE's limit is cut in the data set, not in the warehouse.",
    "Whether `CreateDataSource` tries the connection with its caller's rights or QuickSight's role.": "If with the "
    "role's, a first deployment of a dashboard needs the role's policy before; [what QuickSight needs]"
    "(how-to/quicksight.md) says how, and `preflight` looks.",
    "Whether Lambda's own grant is enough to decrypt a function's environment.": "The role may decrypt it in any case.",
    "Whether service principals are spelt `SERVICE.amazonaws.com` in `aws-cn` too.": "They are written so everywhere; "
    "where one is not, creating the role is refused.",
    "Whether API Gateway sends `aws:SourceAccount` when it assumes a role.": "The trust policies do not ask for it "
    "(decision 5).",
}
"""What the sandbox has no switch for, and what follows if it is the other way round."""


def page() -> str:
    """The page."""
    lines = [
        "# Doubts",
        "",
        "What AWS does where no source decides it, and on which the pipeline leans. Each one is a switch of the "
        "sandbox: `eda-sandbox run --doubt NAME=VALUE -- …`, or `embedded_aws(doubts={…})` in a test. A test sends an "
        "order through `dev`, `staging` and `prod` with each pair of values.",
        "",
        "With an account, `python -m pipeline probe --profile PROFILE` decides those that can be asked: it makes the "
        "smallest resources, asks, removes them, and says which switch to set. It costs a few cents at most, and says "
        "so first.",
        "",
        "This page is made by `python -m pipeline.documents`; a test compares it.",
    ]
    for name, doubt in DOUBTS.items():
        lines += ["", f"## `{name}`", "", *_section(name, doubt)]
    lines += ["", "## Without a switch", ""]
    for question, answer in UNSEEN.items():
        lines += [f"- **{question}** {answer}"]
    return "\n".join([*lines, ""])


def _section(name: str, doubt: Doubt) -> list[str]:
    probe = next((probe for probe, decided in PROBED.items() if name in decided), None)
    values = [f"| `{value}` | {meaning} |" for value, meaning in doubt.values.items()]
    return [
        doubt.question,
        "",
        "| Value | |",
        "|---|---|",
        values[0].replace(" | ", " (the default) | ", 1),
        *values[1:],
        "",
        f"Known: {doubt.known}",
        "",
        f"The pipeline: {HOLDS[name]}",
        "",
        f"Asked by: `--only {probe}`."
        if probe
        else f"Asked by no probe{': it cannot be brought about on purpose' if name in CHANCE else ''}.",
    ]
