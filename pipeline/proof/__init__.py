"""Proves that every statement of every role is needed: takes each away once, and shows what then fails."""

from pipeline.proof.behind import BehindChecks
from pipeline.proof.front import FrontChecks
from pipeline.proof.proving import EXCEPTIONS, Check, Proof, ordered, prove
from pipeline.proof.roles import ROLE_POLICY, Roles
from pipeline.proof.stage import WAIT_SECONDS, CheckFailed, Stage

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
