"""The pack's analyzer: one deserialisation and one graph for all rules.

Pulumi's own servicer deserialises every resource anew for each policy, the whole stack for each stack policy; the names
and levels of violations are those of the policy that is run. Here all rules run over the same resources, and each
violation is reported under its rule.
"""

import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
import pulumi.runtime
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from eda_policies.check import Checker, Violation
from eda_policies.graph import Graph
from eda_policies.pack import ENFORCEMENT, policies
from eda_policies.resource import Resource
from eda_policies.rule import Level, Rule
from eda_policies.settings import STRICTEST, SettingsError, environment_of, settings
from eda_policies.values import of_struct

NAME = "aws-eda"
VERSION = "0.1.0"
_MESSAGE_BYTES = 400 * 1024 * 1024
"""As Pulumi's own packs take them."""
_ALL = "all"
_LEVELS = {
    analyzer_pb2.ADVISORY: Level.ADVISORY,
    analyzer_pb2.MANDATORY: Level.MANDATORY,
    analyzer_pb2.REMEDIATE: Level.MANDATORY,
    analyzer_pb2.DISABLED: Level.DISABLED,
}


class SharedAnalyzer(_PolicyAnalyzerServicer):
    """Runs rules for the engine.

    Args:
        rules: the rules.
        environment: whose profile counts until the engine says which stack it is.
        config: the pack's own config, in Pulumi's form.
        project: the project that the config is for; empty for all.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        environment: str = STRICTEST,
        config: Mapping[str, Any] | None = None,
        project: str = "",
    ):
        self._policies = policies(rules, environment)
        super().__init__(
            NAME, VERSION, self._policies, EnforcementLevel.ADVISORY, _initial(config or {}), "Good practice on AWS"
        )
        self._rules = rules
        self._by_name = {policy.name: policy for policy in self._policies}
        self._environment = environment
        self._config = dict(config or {})
        self._project = project
        self._checker = Checker(rules, settings(rules, self._config, environment))

    def ConfigureStack(self, request: Any, context: Any) -> Any:
        """Take the profile of the stack's environment."""
        self._environment = environment_of(request.project, request.stack, dict(request.config))
        for policy, rule in zip(self._policies, self._rules, strict=True):
            policy.enforcement_level = ENFORCEMENT[rule.levels[self._environment]]
        if self._project and request.project != self._project:
            self._config = {}
        self._checker = Checker(self._rules, settings(self._rules, self._config, self._environment))
        return super().ConfigureStack(request, context)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:
        """Say what rules there are, with the pack's own config where it is for the stack's project."""
        info = super().GetAnalyzerInfo(request, context)  # type: ignore[no-untyped-call]  # untyped in Pulumi
        if not self._config:
            info.initialConfig.clear()
        return info

    def Configure(self, request: Any, context: Any) -> Empty:
        """Take the config, which the engine has completed with the levels that ``GetAnalyzerInfo`` names.

        A level that is the environment's own is no choice of the user's: where the config names another environment,
        that one's counts.
        """
        config: dict[str, Any] = {}
        for name, given in request.policyConfig.items():
            # A name that is no rule's is kept, so that it is refused.
            if name != _ALL:
                config[name] = of_struct(given.properties).tree
        try:
            made = settings(self._rules, config, self._environment)
        except SettingsError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        for rule in self._rules:
            if rule.name in request.policyConfig:
                level = _LEVELS[request.policyConfig[rule.name].enforcementLevel]
                if level is not rule.levels[self._environment]:
                    config[rule.name] = {**config[rule.name], "enforcementLevel": level.value}
        self._checker = Checker(self._rules, settings(self._rules, config, made.environment))
        return Empty()

    def Analyze(self, request: Any, _context: Any) -> Any:
        """Check a resource before it is made or changed."""
        resource = Resource(request.type, request.name, request.urn, of_struct(request.properties))
        return self._response(list(self._checker.resource(resource)))

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:
        """Check the stack as it is, or will be."""
        resources = [
            Resource(
                found.type,
                found.name,
                found.urn,
                of_struct(found.properties),
                {key: list(dependencies.urns) for key, dependencies in found.propertyDependencies.items()},
            )
            for found in request.resources
        ]
        return self._response(list(self._checker.stack(Graph(resources))))

    def _response(self, violations: Sequence[Violation]) -> Any:
        response = analyzer_pb2.AnalyzeResponse()
        for violation in violations:
            policy = self._by_name[violation.rule.name]
            report = self._create_report_violation(
                response, policy.name, policy.description, ENFORCEMENT[violation.level], policy.severity
            )
            report(violation.message, violation.urn)
        return response


def serve(rules: Sequence[Rule], config: Mapping[str, Any] | None = None, project: str = "") -> None:
    """Be a policy pack: print the port for the engine and answer it until it ends this process.

    Args:
        rules: the rules.
        config: the pack's own config, in Pulumi's form; what the user configures comes over it.
        project: the project that the config is for; empty for all.

    Raises:
        SystemExit: the config is not allowed; its text says what is.
    """
    try:
        analyzer = SharedAnalyzer(rules, _environment(), config, project)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=options)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop(0)


def _environment() -> str:
    """The environment as the engine's variables tell it, before it calls ``ConfigureStack``."""
    config = pulumi.runtime.get_config_env()
    return environment_of(pulumi.get_project(), pulumi.get_stack(), config)


def _initial(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as pulumi-policy takes it."""
    made: dict[str, Any] = {}
    for name, given in config.items():
        if isinstance(given, str):
            made[name] = EnforcementLevel(given)
        else:
            made[name] = {
                key: EnforcementLevel(value) if key == "enforcementLevel" else value for key, value in given.items()
            }
    return made
