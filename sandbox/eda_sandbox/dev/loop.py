"""Deploys a program, and keeps what is deployed as its author edits it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import watchfiles
from rich.console import Console
from rich.markup import escape

from eda_sandbox.dev.lines import Lines
from eda_sandbox.dev.sources import Source, below, find
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.deploy import DeploymentError, deploy
from eda_sandbox.provider.made import Made

FUNCTION = "aws:lambda/function:Function"
TOGETHER_MILLISECONDS = 50
"""What an editor writes within this time is one change."""
LOOK_MILLISECONDS = 1000
"""How long the end of the loop may wait."""
MANY = 12
"""So many changed resources are named; of more there is a number."""
_SIGNS = {"create": "[green]+[/]", "update": "[yellow]~[/]", "replace": "[yellow]±[/]", "delete": "[red]-[/]"}


@dataclass
class Loop:
    """A program that is deployed again and again.

    Args:
        aws: where to.
        main: its ``__main__.py``.
        console: told what is done.
        stack: the stack's name.
        config: values over those of the stack's file.
        debug: the function that waits for a debugger, by its logical or physical name; empty for none.
        port: of the debugger.
    """

    aws: Sandbox
    main: Path
    console: Console
    stack: str = "sandbox"
    config: dict[str, Any] = field(default_factory=dict)
    debug: str = ""
    port: int = 5678
    outputs: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    """Of the functions' code that is edited here, by the functions' names."""

    def __post_init__(self) -> None:
        self.main = self.main.resolve()
        self._made: tuple[Made, ...] = ()
        self._read: frozenset[Path] = frozenset()
        self._lines = Lines(self.console)

    def start(self) -> bool:
        """Deploy the program for the first time; whether that succeeded."""
        self.aws.cloud.heard = self._lines
        return self.deploy()

    def follow(self, ended: threading.Event, ready: Callable[[], object] = lambda: None) -> None:
        """Keep what is deployed as the files are, until the end.

        Args:
            ended: set to end it.
            ready: called when files are watched.
        """
        for changed in self._changes(ended, ready):
            self.apply(changed)

    def apply(self, changed: Iterable[Path]) -> None:
        """Bring into force what was edited: of functions their code alone, of the program what it now makes otherwise.

        Args:
            changed: the files that were written, made or removed.
        """
        files = set(changed)
        functions = {
            name for name, source in self.sources.items() if any(file.is_relative_to(source.root) for file in files)
        }
        mine = {file for file in files if any(file.is_relative_to(self.sources[name].root) for name in functions)}
        if self._concern_the_program(files - mine):
            self.deploy()
            return
        for name in sorted(functions):
            self._replace(name)

    def deploy(self) -> bool:
        """Run the program, and make, change and remove what differs; whether that succeeded."""
        begin = time.perf_counter()
        try:
            with self.console.status("deploying") as status:
                stack = deploy(
                    self.aws.cloud,
                    self.main,
                    self.stack,
                    self.config,
                    lambda _token, name: status.update(f"deploying {escape(name)}"),
                    self._made,
                )
        except DeploymentError as error:
            # What was made before it failed is there, and is not made twice.
            self._made, self._read = error.made or self._made, self._read | error.read
            for line in error.at:
                self.console.print(line, style="yellow", markup=False, soft_wrap=True)
            self._say_error(str(error).split("\n  ")[1] if error.at else str(error))
            return False
        except SandboxError as error:
            self._say_error(str(error))
            return False
        self._made, self._read, self.outputs = stack.made, stack.read, stack.outputs
        self._find_sources()
        for how, token, name in stack.changes[:MANY] if len(stack.changes) <= MANY else ():
            self.console.print(f"  {_SIGNS[how]} {escape(name)} [dim]{escape(token)}[/]")
        count = (
            f"{len(stack.changes)} of {len(stack.resources)} resources changed" if stack.changes else "nothing changed"
        )
        self.console.print(f"{count} ({time.perf_counter() - begin:.1f} s)")
        if self.debug:
            self._debug()
        return True

    def _changes(self, ended: threading.Event, ready: Callable[[], object]) -> Iterator[set[Path]]:
        watches = False
        while not ended.is_set():
            roots = self._roots()
            watched = watchfiles.watch(
                *roots,
                stop_event=ended,
                debounce=TOGETHER_MILLISECONDS,
                step=TOGETHER_MILLISECONDS // 2,
                rust_timeout=LOOK_MILLISECONDS,
                yield_on_timeout=True,
                raise_interrupt=False,
            )
            for found in watched:
                # The first look comes when the folders are watched.
                if not watches:
                    watches = True
                    ready()
                if found:
                    yield {Path(file) for _, file in found}
                if self._roots() != roots:
                    break

    def _roots(self) -> list[Path]:
        """The folders to watch: the program's, and those of functions that lie elsewhere."""
        folders = sorted({self.main.parent, *(source.root for source in self.sources.values())})
        return [folder for folder in folders if not any(other in folder.parents for other in folders)]

    def _concern_the_program(self, files: set[Path]) -> bool:
        settings = {self.main, self.main.parent / "Pulumi.yaml", self.main.parent / f"Pulumi.{self.stack}.yaml"}
        return bool(files & (self._read | settings))

    def _find_sources(self) -> None:
        files = {*below(self.main.parent), *self._read}
        lambda_ = self.aws.cloud.service("lambda")
        found = {made.id: find(lambda_.function(made.id).code, files) for made in self._functions()}
        self.sources = {name: source for name, source in found.items() if source is not None}
        self._place()

    def _place(self) -> None:
        lambda_ = self.aws.cloud.service("lambda")
        self._lines.places = {str(lambda_.function(name).code): each.root for name, each in self.sources.items()}
        for name, source in self.sources.items():
            lambda_.function(name).source = source.root

    def _functions(self) -> list[Made]:
        return [made for made in self._made if made.token == FUNCTION]

    def _replace(self, name: str) -> None:
        begin, source = time.perf_counter(), self.sources[name]
        for file in source.root.rglob("*.py"):
            try:
                compile(file.read_bytes(), file, "exec")
            except SyntaxError as error:
                self.console.print(f"{error.filename}:{error.lineno}: {(error.text or '').strip()}", style="yellow")
                self._say_error(f"{error.msg}; {name} goes on with the code that it had")
                return
            except OSError:
                # An editor may take a file away before it writes it anew.
                continue
        self.aws.client("lambda").update_function_code(FunctionName=name, ZipFile=source.archive())
        self._place()
        self.console.print(f"  {_SIGNS['update']} {escape(name)} [dim]code ({time.perf_counter() - begin:.2f} s)[/]")

    def _debug(self) -> None:
        names = [made.id for made in self._functions() if self.debug in (made.name, made.id)]
        if not names:
            known = ", ".join(sorted(made.name for made in self._functions())) or "none"
            self._say_error(f"the program has no function {self.debug!r} to debug; there are: {known}")
            return
        function = self.aws.cloud.service("lambda").function(names[0])
        if function.debugger == self.port:
            return
        function.debugger = self.port
        function.retire()
        where = self.sources[names[0]].root if names[0] in self.sources else function.code
        self.console.print(
            f"{names[0]} waits at 127.0.0.1:{self.port} for a debugger when it is invoked; its code is {where}",
            markup=False,
            soft_wrap=True,
        )

    def _say_error(self, text: str) -> None:
        self.console.print(f"[red]Error[/]: {escape(text)}", soft_wrap=True)
