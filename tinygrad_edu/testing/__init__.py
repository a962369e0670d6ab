"""Checking derivatives: a report that says where and why, and strategies that draw inputs for it."""

from ..autograd.gradcheck import GradcheckError
from . import strategies
from .check import check_gradients
from .given import check_gradients_given
from .report import Diagnosis, Entry, Finding, GradientReport, InputResult, Kink

__all__ = [
    "Diagnosis",
    "Entry",
    "Finding",
    "GradcheckError",
    "GradientReport",
    "InputResult",
    "Kink",
    "check_gradients",
    "check_gradients_given",
    "strategies",
]
