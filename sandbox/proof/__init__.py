"""Proves that every statement of every role is needed: takes each away once, and shows what then fails."""

from sandbox.proof.behind import BehindChecks
from sandbox.proof.front import FrontChecks
from sandbox.proof.proving import EXCEPTIONS, Check, Proof, ordered, prove
from sandbox.proof.roles import ROLE_POLICY, Roles
from sandbox.proof.stage import WAIT_SECONDS, CheckFailed, Stage

__all__ = [
    "EXCEPTIONS",
    "ROLE_POLICY",
    "WAIT_SECONDS",
    "BehindChecks",
    "Check",
    "CheckFailed",
    "FrontChecks",
    "Proof",
    "Roles",
    "Stage",
    "ordered",
    "prove",
]
