"""``eda-sandbox dev``: what is edited runs, and nothing else is touched."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.dev.loop import Loop
from eda_sandbox.embedded import Sandbox
from eda_sandbox.invoking import invoke
from eda_sandbox.provider.resource import Context
from eda_sandbox.provider.table import resource_type
from rich.console import Console

from tests.left_behind import MARK, processes
from tests.terminal import Terminal
from tests.waiting import wait_until

PROGRAM = """
import json
from pathlib import Path
import pulumi
import pulumi_aws as aws

HERE = Path(__file__).parent
settings = pulumi.Config()
role = aws.iam.Role("worker", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
aws.iam.RolePolicy("worker", role=role.name, policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}))
for name in ("greet", "count"):
    made = aws.lambda_.Function(name, runtime="python3.12", handler="handler.handler", timeout=5, role=role.arn,
        code=pulumi.FileArchive(str(HERE / "functions" / name)),
        environment={"variables": {"WHO": settings.get("who") or "you"}})
    pulumi.export(name, made.name)
queue = aws.sqs.Queue("inbox", visibility_timeout_seconds=30)
pulumi.export("queue", queue.url)
"""
HANDLER = """
import os

def handler(event, context):
    print("asked for", event)
    return "{word} " + os.environ["WHO"]
"""


def write_program(folder: Path) -> None:
    files = {
        "Pulumi.yaml": "name: edited\nruntime: python\n",
        "__main__.py": PROGRAM,
        "functions/greet/handler.py": HANDLER.format(word="hello"),
        "functions/count/handler.py": HANDLER.format(word="one"),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class Program:
    """A program in a folder, and its loop."""

    def __init__(self, aws: Sandbox, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.written = io.StringIO()
        write_program(folder)
        self.loop = Loop(aws, folder / "__main__.py", Console(file=self.written, width=300))

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def edit(self, name: str, text: str) -> None:
        self.loop.apply([self.write(name, text)])

    def answer(self, name: str) -> Any:
        return invoke(self.aws.endpoint, self.loop.outputs[name], {}).payload

    def said(self) -> str:
        """What was said since it was last asked."""
        text = self.written.getvalue()
        self.written.truncate(0)
        self.written.seek(0)
        return text


@pytest.fixture(scope="module")
def program(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Deployed once; each test leaves it deployed and working."""
    made = Program(aws, tmp_path_factory.mktemp("edited"))
    assert made.loop.start(), made.said()
    yield made
    aws.cloud.heard = lambda *_: None
    for each in reversed(made.loop._made):
        resource_type(each.token).remove(Context(aws.cloud, each.name, each.name), each.id, each.state)


def last_modified(program: Program) -> dict[str, str]:
    found = program.aws.client("lambda").list_functions()["Functions"]
    names = {program.loop.outputs["greet"]: "greet", program.loop.outputs["count"]: "count"}
    return {names[f["FunctionName"]]: f["LastModified"] for f in found if f["FunctionName"] in names}


def test_a_handler_that_is_edited_runs_at_the_next_invocation_and_no_other_is_touched(program: Program) -> None:
    assert (program.answer("greet"), program.answer("count")) == ("hello you", "one you")
    before = last_modified(program)
    program.said()
    program.edit("functions/greet/handler.py", HANDLER.format(word="good morning"))
    assert program.answer("greet") == "good morning you"
    assert program.answer("count") == "one you"
    after = last_modified(program)
    assert after["greet"] != before["greet"]
    assert after["count"] == before["count"]
    said = program.said()
    assert "resources changed" not in said
    assert f"~ {program.loop.outputs['greet']} code" in said


def test_a_module_that_is_new_beside_a_handler_goes_with_it(program: Program) -> None:
    program.edit("functions/count/words.py", "WORD = 'two'\n")
    program.edit("functions/count/handler.py", "import words\ndef handler(event, context):\n    return words.WORD\n")
    assert program.answer("count") == "two"
    program.edit("functions/count/words.py", "WORD = 'three'\n")
    assert program.answer("count") == "three"
    program.edit("functions/count/handler.py", HANDLER.format(word="one"))
    (program.folder / "functions/count/words.py").unlink()
    program.loop.apply([program.folder / "functions/count/words.py"])
    assert program.answer("count") == "one you"


def test_an_invocation_that_runs_ends_with_the_code_it_began_with(program: Program) -> None:
    waits = "import pathlib, time\ndef handler(event, context):\n    here = pathlib.Path({here!r})\n"
    waits += "    (here / 'begun').touch()\n    while not (here / 'go').exists(): time.sleep(0.02)\n    return 'old'\n"
    program.edit("functions/greet/handler.py", waits.format(here=str(program.folder)))
    found: list[Any] = []
    running = threading.Thread(target=lambda: found.append(program.answer("greet")))
    running.start()
    wait_until(lambda: (program.folder / "begun").exists(), "it runs")
    program.edit("functions/greet/handler.py", HANDLER.format(word="hello"))
    assert program.answer("greet") == "hello you"
    (program.folder / "go").touch()
    running.join(60)
    assert found == ["old"]


def test_a_handler_with_a_wrong_line_is_not_taken_and_the_line_is_shown(program: Program) -> None:
    program.said()
    program.edit("functions/greet/handler.py", "def handler(event, context)\n    return 1\n")
    said = program.said()
    assert f"{program.folder}/functions/greet/handler.py:1: def handler(event, context)" in said
    assert "Error: expected ':'" in said
    program.edit("functions/greet/handler.py", "def handler(event, context):\n    return event['missing']\n")
    assert invoke(program.aws.endpoint, "greet", {}).failed
    wait_until(
        lambda: f'File "{program.folder}/functions/greet/handler.py", line 2' in program.written.getvalue(), "it"
    )
    program.edit("functions/greet/handler.py", HANDLER.format(word="hello"))


def test_what_functions_write_is_shown_by_function(program: Program) -> None:
    program.said()
    program.answer("greet")
    wait_until(lambda: f"{program.loop.outputs['greet']} asked for {{}}" in program.written.getvalue(), "its line")


def news_of(program: Program) -> list[str]:
    """The program's topics; other tests have theirs in the same sandbox."""
    topics = [topic["TopicArn"] for topic in program.aws.client("sns").list_topics()["Topics"]]
    return [arn for arn in topics if arn.rpartition(":")[2].startswith("news-")]


def test_the_program_is_deployed_again_and_what_did_not_change_stays(program: Program) -> None:
    program.said()
    url, before = program.loop.outputs["queue"], last_modified(program)
    program.aws.client("sqs").send_message(QueueUrl=url, MessageBody="stays")
    program.edit("__main__.py", PROGRAM.replace("seconds=30", "seconds=40") + 'aws.sns.Topic("news")\n')
    said = program.said()
    assert "2 of 6 resources changed" in said
    assert "~ inbox aws:sqs/queue:Queue" in said
    assert "+ news aws:sns/topic:Topic" in said
    assert (program.loop.outputs["queue"], last_modified(program)) == (url, before)
    sqs = program.aws.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["ApproximateNumberOfMessages"]) == ("40", "1")
    assert len(news_of(program)) == 1

    # What is named otherwise is made anew, and what the program has no more goes.
    program.edit("__main__.py", PROGRAM.replace('"inbox",', '"inbox", name="box",'))
    said = program.said()
    assert "± inbox" in said
    assert "- news" in said
    assert program.loop.outputs["queue"].endswith("/box")
    assert news_of(program) == []
    program.edit("__main__.py", PROGRAM)


def test_a_program_that_fails_says_so_with_its_authors_line_and_goes_on_when_it_is_mended(program: Program) -> None:
    program.said()
    program.edit("__main__.py", PROGRAM + 'aws.sqs.Queue("more")\naws.sqs.Quue("wrong")\n')
    said = program.said()
    number = PROGRAM.count("\n") + 2
    assert f'{program.folder}/__main__.py:{number}: aws.sqs.Quue("wrong")' in said
    assert "has no attribute 'Quue'" in said
    assert "Traceback" not in said
    program.edit("__main__.py", PROGRAM + 'aws.sqs.Queue("more")\n')
    assert "Error" not in program.said()
    program.edit("__main__.py", PROGRAM)
    assert "- more" in program.said()


def test_config_that_is_edited_reaches_the_functions(program: Program) -> None:
    program.loop.stack = "edited"
    program.edit("Pulumi.edited.yaml", "config:\n  edited:who: all\n")
    assert (program.answer("greet"), program.answer("count")) == ("hello all", "one all")
    program.edit("Pulumi.edited.yaml", "config: {}\n")
    assert program.answer("greet") == "hello you"


def test_files_that_are_edited_are_seen(program: Program) -> None:
    ended, ready = threading.Event(), threading.Event()
    watching = threading.Thread(target=program.loop.follow, args=(ended, ready.set))
    watching.start()
    try:
        assert ready.wait(60)
        program.write("functions/greet/handler.py", HANDLER.format(word="seen"))
        wait_until(lambda: program.answer("greet") == "seen you", "the edit runs")
    finally:
        ended.set()
        watching.join(60)
    assert not watching.is_alive()


def ask(connection: socket.socket, number: int, command: str, arguments: dict[str, Any]) -> None:
    body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
    connection.sendall(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def test_a_function_waits_for_a_debugger(program: Program) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        program.loop.port = free.getsockname()[1]
    program.loop.debug = "greet"
    program.said()
    assert program.loop.deploy()
    assert f"its code is {program.folder}/functions/greet" in program.said()
    program.edit("functions/greet/handler.py", HANDLER.format(word="debugged"))
    found: list[Any] = []
    running = threading.Thread(target=lambda: found.append(program.answer("greet")))
    running.start()
    wait_until(lambda: "waits for a debugger" in program.written.getvalue(), program.written.getvalue)
    assert not found
    with socket.create_connection(("127.0.0.1", program.loop.port)) as editor:
        ask(editor, 1, "initialize", {"adapterID": "test"})
        ask(editor, 2, "attach", {})
        ask(editor, 3, "configurationDone", {})
        running.join(120)
    assert found == ["debugged you"]
    # The next environment is nobody's to debug.
    function = program.aws.cloud.service("lambda").function(program.loop.outputs["greet"])
    function.debugger = None
    function.retire()


def test_a_function_that_is_not_there_cannot_be_debugged(program: Program) -> None:
    program.loop.debug = "nope"
    program.said()
    assert program.loop.deploy()
    assert "the program has no function 'nope' to debug; there are: count, greet" in program.said()
    program.loop.debug = ""


def test_the_command_in_a_terminal(tmp_path: Path) -> None:
    folder, temporary = tmp_path / "program", tmp_path / "temporary"
    for made in (folder, temporary):
        made.mkdir()
    write_program(folder)
    mark = uuid.uuid4().hex
    environment = {"TMPDIR": str(temporary), MARK: mark}
    terminal = Terminal([sys.executable, "-m", "eda_sandbox", "dev"], 100, folder, environment)
    answers = []

    def ask_function() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "eda_sandbox", "invoke", "greet", "--sample", "sns"],
            env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        return done.stdout

    for _ in terminal.screens():
        said = " ".join(terminal.text())
        if "Watching" in said and not answers:
            answers.append(ask_function())
            (folder / "functions/greet/handler.py").write_text(HANDLER.format(word="edited"))
        if " code (" in said and len(answers) == 1:
            answers.append(ask_function())
            terminal.type(b"\x03")
    assert answers == ['"hello you"\n', '"edited you"\n']
    said = "\n".join(terminal.text())
    assert terminal.process.returncode == 0, said
    assert "Traceback" not in said
    assert "5 of 5 resources changed" in said
    assert terminal.cursor_is_seen
    assert processes(mark) == {}
    assert list(temporary.iterdir()) == []


def resources(address: str) -> set[str]:
    """What the console of an address has on its graph."""
    asked = address.replace("/?", "/api/graph?")
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return {f"{node['kind']} {node['name']}" for node in json.load(answer)["nodes"]}


def test_the_console_is_served_and_shows_what_an_edit_makes(tmp_path: Path) -> None:
    write_program(tmp_path)
    terminal = Terminal([sys.executable, "-m", "eda_sandbox", "dev"], 100, tmp_path, {})
    address, found = "", []
    for _ in terminal.screens():
        said = " ".join(terminal.text())
        if "Watching" in said and not found:
            address = re.findall(r"Console at (http://127\.0\.0\.1:\d+/\?token=\S+)", said)[0]
            found.append(resources(address))
            with pytest.raises(urllib.error.HTTPError, match="403"):
                resources(address.partition("token=")[0])
            (tmp_path / "__main__.py").write_text(PROGRAM + 'aws.sqs.Queue("more")\n')
        if "1 of 6 resources changed" in said and len(found) == 1:
            found.append(resources(address))
            terminal.type(b"\x03")
    assert terminal.process.returncode == 0, "\n".join(terminal.text())
    assert {"function greet", "function count", "queue inbox"} <= found[0]
    assert found[1] == found[0] | {"queue more"}
    with pytest.raises(urllib.error.URLError, match="refused"):
        resources(address)


def test_no_console_is_served_where_none_is_wanted(tmp_path: Path) -> None:
    write_program(tmp_path)
    terminal = Terminal([sys.executable, "-m", "eda_sandbox", "dev", "--no-console"], 100, tmp_path, {})
    typed = False
    for _ in terminal.screens():
        if not typed and "Watching" in " ".join(terminal.text()):
            terminal.type(b"\x03")
            typed = True
    assert terminal.process.returncode == 0
    assert "Console at" not in " ".join(terminal.text())
