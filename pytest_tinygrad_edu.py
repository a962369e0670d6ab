"""The pytest plugin: the fixture ``gradcheck`` with its marker and options, and failures shown as the report.

It is loaded in every session of the environment that it is installed in. So it stands beside the package and not in
it, where loading it would import NumPy and the engine; it imports the checker when a test asks for it, and leaves alone
every test that raises nothing of the checker's.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tinygrad_edu.testing import GradientReport

__all__ = ["gradcheck", "pytest_addoption", "pytest_configure", "pytest_runtest_makereport"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that set what the fixture does unless a test says otherwise."""
    group = parser.getgroup("tinygrad_edu", "gradient checks (tinygrad_edu)")
    group.addoption("--gradcheck-order", type=int, metavar="N", help="highest order that the fixture gradcheck checks")
    group.addoption("--gradcheck-seed", type=int, metavar="N", help="seed of the directions that it checks along")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that ``--strict-markers`` knows it."""
    config.addinivalue_line(
        "markers",
        "gradcheck(order=1, seed=0, ...): options of check_gradients for the fixture gradcheck in this test.",
    )


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., GradientReport]:
    """Check derivatives, ``gradcheck(fn, inputs, **options)``, and fail the test with the report of a wrong one.

    The options are those of :func:`~tinygrad_edu.testing.check_gradients`. Those of the call win over those of
    ``@pytest.mark.gradcheck(...)``, and these over ``--gradcheck-order`` and ``--gradcheck-seed``.
    """
    from tinygrad_edu.testing import check_gradients

    options = _options_of(request)

    def check(fn: Callable[..., Any], inputs: Any, **given: Any) -> GradientReport:
        return check_gradients(fn, inputs, **{**options, **given}).raise_if_wrong()

    return check


def _options_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Collect the options of a test: the command line's, then those of the markers, the closest last."""
    named = {name: request.config.getoption(f"gradcheck_{name}") for name in ("order", "seed")}
    options = {name: value for name, value in named.items() if value is not None}
    for mark in reversed(list(request.node.iter_markers("gradcheck"))):
        if mark.args:
            pytest.fail(f"pytest.mark.gradcheck takes keywords such as order=2, not {mark.args!r}", pytrace=False)
        options.update(mark.kwargs)
    return options


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a wrong derivative as the report, whole, below the line of the test that asked for it."""
    result = yield
    if call.excinfo is not None and result.failed and not item.config.getoption("fulltrace", False):
        explanation: Any = _explain(call.excinfo.value, item)
        if explanation and item.config.getoption("tbstyle", None) == "line":
            explanation.parts.clear()
        result.longrepr = explanation or result.longrepr
    return result


def _explain(error: BaseException, item: pytest.Item) -> _Explanation | None:
    """Say it with the report, where the exception is about one; None for every other exception."""
    if "tinygrad_edu.testing" not in sys.modules:
        return None
    parts = _raised(error) or _asserted(error)
    if not parts:
        return None
    from tinygrad_edu.testing.places import place_of

    place = place_of(error, __file__)
    if place is None:  # below a decorator, the test has no line of its own
        crash, where = _Crash(str(item.path), 1, parts[-1].partition("\n")[0]), item.nodeid
    else:
        path, root = Path(place.filename), item.config.rootpath
        path = path.relative_to(root) if path.is_relative_to(root) else path
        crash = _Crash(str(path), place.lineno or 1, parts[-1].partition("\n")[0])
        where = f"{path}:{place.lineno}: in {place.name}\n    {place.line}"
    notes = getattr(error, "__notes__", [])  # hypothesis says here how to repeat the example
    return _Explanation([where, *parts, *notes], crash)


def _raised(error: BaseException) -> list[str]:
    """Return what a GradcheckError says."""
    from tinygrad_edu.testing import GradcheckError

    return [str(error)] if isinstance(error, GradcheckError) else []


def _asserted(error: BaseException) -> list[str]:
    """Return the reports that an ``assert`` found false, after the message that was written behind it.

    pytest keeps the values of a failed assert in variables of its frame, and quotes the beginning of each.
    """
    if not isinstance(error, AssertionError) or error.__traceback__ is None:
        return []
    from tinygrad_edu.testing import GradientReport

    (*_, (frame, _)) = traceback.walk_tb(error.__traceback__)
    reports = {id(value): value for value in frame.f_locals.values() if isinstance(value, GradientReport)}
    said = str(error)
    quoted = [str(r) for r in reports.values() if not r.ok and repr(r).partition("\n")[0][:100] in said]
    message, rewritten, _ = ("\n" + said).partition("\nassert ")
    return [message.strip()] * bool(quoted and rewritten and message) + quoted


@dataclass(frozen=True)
class _Crash:
    """Where and what, in a line: for the summary, ``--tb=line`` and JUnit's XML."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True)
class _Explanation:
    """A failure as pytest shows it: text in place of a traceback."""

    parts: list[str]
    reprcrash: _Crash

    def __str__(self) -> str:
        return "\n\n".join(self.parts)

    def toterminal(self, writer: Any) -> None:
        """Write it to the terminal."""
        if self.parts:
            writer.line(str(self))
