"""The pytest plugin, in sessions of its own: what it shows, what sets it, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from support.repository import ROOT

# Loaded by its module and not by its entry point: so it is this checkout's, installed or not.
PLUGIN = ("-p", "no:tinygrad_edu", "-p", "pytest_tinygrad_edu")
# Of a session inside another, where all is imported already, and where pytest finds the entry point in the metadata.
IMPORTED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")

OPS = """
    import numpy as np
    import pytest
    import tinygrad_edu as tg
    from tinygrad_edu import op
    from tinygrad_edu.testing import GradcheckError, check_gradients

    @op(vjps=(lambda g, _out, x: g * 3 * x * x,))
    def cube(x):
        return x * x * x

    @op(vjps=(lambda g, _out, x: g * 2 * x * x,))
    def bad(x):
        return x * x * x

    class Half(tg.autograd.Function):
        '''Right once, wrong twice: backward uses a number that left the graph.'''

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x.detach() ** 2

    POINT = np.linspace(0.5, 2.0, 12).reshape(3, 4)
"""


def report() -> str:
    """Return the report that the sessions have to show."""
    names: dict[str, Any] = {}
    exec(textwrap.dedent(OPS), names)
    return str(names["check_gradients"](names["bad"], names["POINT"]))


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a folder with a file of ops, for a pytest of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)  # there, pytest truncates less
    pytester.makepyfile(ops=OPS)
    return pytester


def run(session: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    """Run a test file in a session with the plugin."""
    session.makepyfile("from ops import *\n" + body)
    return session.runpytest_inprocess(*PLUGIN, *IMPORTED, *options)


def failure(result: pytest.RunResult) -> list[str]:
    """Return the lines of the one failure that a session shows, from below its heading to the summary."""
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if line.startswith("____"))
    return lines[start + 1 : next(i for i, line in enumerate(lines) if "short test summary" in line)]


def test_the_fixture_returns_the_report_of_a_right_derivative(session: pytest.Pytester) -> None:
    result = run(
        session,
        "def test_cube(gradcheck):\n    report = gradcheck(cube, POINT)\n    assert report.ok and report.order == 1",
    )
    result.assert_outcomes(passed=1)


def test_the_fixture_shows_the_whole_report_and_nothing_else(session: pytest.Pytester) -> None:
    result = run(session, "def test_bad(gradcheck):\n    x = 1\n    gradcheck(bad, POINT)")
    result.assert_outcomes(failed=1)
    lines = failure(result)
    place = "test_the_fixture_shows_the_whole_report_and_nothing_else.py:4: in test_bad"
    assert lines == [place, "    gradcheck(bad, POINT)", "", *report().splitlines()]


@pytest.mark.parametrize(
    "statement",
    [
        "check_gradients(bad, POINT).raise_if_wrong()",
        "tg.autograd.gradcheck(bad, tg.from_numpy(POINT).requires_grad_())",
        "assert check_gradients(bad, POINT)",
        "assert check_gradients(bad, POINT).ok",
        "report = check_gradients(bad, POINT); assert report and True",
        "assert True and check_gradients(bad, POINT)",
    ],
)
@pytest.mark.parametrize("options", [(), ("-vv",), ("-q",), ("--tb=short",)], ids=str)
def test_every_way_to_fail_shows_the_whole_report(
    session: pytest.Pytester, statement: str, options: tuple[str, ...]
) -> None:
    result = run(session, f"def test_bad():\n    {statement}", *options)
    result.assert_outcomes(failed=1)
    place, *lines = failure(result)
    assert place.endswith(".py:3: in test_bad")
    assert lines == [f"    {statement}", "", *report().splitlines()]


def test_the_message_of_an_assert_stays(session: pytest.Pytester) -> None:
    body = "def test_bad():\n    for n in range(3):\n        assert check_gradients(bad, POINT), f'case {n}'"
    lines = failure(run(session, body))
    assert lines[2:4] == ["", "case 0"]
    assert lines[5].startswith("gradient check of bad")


def test_a_helper_of_the_test_is_the_place_that_is_shown(session: pytest.Pytester) -> None:
    body = "def helper():\n    check_gradients(bad, POINT).raise_if_wrong()\ndef test_bad():\n    helper()"
    assert failure(run(session, body))[0].endswith(".py:3: in helper")


def test_hypothesis_says_how_to_repeat_the_example(session: pytest.Pytester) -> None:
    body = """
from hypothesis import given, strategies as st
@given(st.integers(3, 9))
def test_bad(n):
    check_gradients(bad, np.ones(n)).raise_if_wrong()
"""
    result = run(session, body, "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*in test_bad", "*raise_if_wrong()", "", "gradient check of bad*", "*3 of 9*"])
    result.stdout.fnmatch_lines(["*: test_bad(", "    n=3,*"])  # the smallest


def test_a_decorated_test_is_shown_by_its_name(session: pytest.Pytester) -> None:
    body = """
from tinygrad_edu.testing import check_gradients_given, strategies
@check_gradients_given(strategies.tensors(shape=(2,)))
def test_bad(x):
    return bad(x)
"""
    result = run(session, body, "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    lines = failure(result)
    assert lines[0] == "test_a_decorated_test_is_shown_by_its_name.py::test_bad"
    assert lines[2].startswith("gradient check of test_bad, order 1: WRONG")
    result.stdout.fnmatch_lines(["  to repeat it:", "    check_gradients(test_bad.function,*"])


def test_summary_and_one_line_tracebacks(session: pytest.Pytester) -> None:
    result = run(session, "def test_bad(gradcheck):\n    gradcheck(bad, POINT)", "--tb=line")
    lines = ["*= FAILURES =*", "*.py:3: gradient check of bad, order 1: WRONG*", "*= short test summary info =*"]
    result.stdout.fnmatch_lines(lines, consecutive=True)
    result.stdout.fnmatch_lines(["FAILED *test_bad - gradient*"])


def test_junit_has_the_line_and_the_report(session: pytest.Pytester) -> None:
    run(session, "def test_bad(gradcheck):\n    gradcheck(bad, POINT)", "--junit-xml=out.xml")
    found = ET.parse(session.path / "out.xml").find(".//failure")
    assert found is not None
    assert found.attrib["message"].startswith("gradient check of bad, order 1: WRONG")
    assert "likely: " in str(found.text)


def test_the_report_crosses_from_one_process_to_another(session: pytest.Pytester) -> None:
    session.makeconftest("""
        import json
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            hook = item.config.hook
            data = json.dumps(hook.pytest_report_to_serializable(config=item.config, report=report))
            return hook.pytest_report_from_serializable(config=item.config, data=json.loads(data))
    """)
    result = run(session, "def test_bad(gradcheck):\n    gradcheck(bad, POINT)")
    assert failure(result)[3:] == report().splitlines()


def test_without_the_terminal(session: pytest.Pytester) -> None:
    run(session, "def test_bad(gradcheck):\n    gradcheck(bad, POINT)", "-p", "no:terminal", "--junit-xml=out.xml")
    assert "gradient check of bad" in (session.path / "out.xml").read_text()


def test_full_trace_shows_the_traceback(session: pytest.Pytester) -> None:
    result = run(session, "def test_bad(gradcheck):\n    gradcheck(bad, POINT)", "--full-trace")
    result.stdout.fnmatch_lines(["*raise_if_wrong*", "E   *GradcheckError: gradient check of bad*"])


@pytest.mark.parametrize(
    ("marker", "options", "expected"),
    [
        ("", (), (1, 0)),
        ("", ("--gradcheck-order=2",), (2, 0)),
        ("", ("--gradcheck-order=2", "--gradcheck-seed=7"), (2, 7)),
        ("order=2, seed=3", (), (2, 3)),
        ("order=1", ("--gradcheck-order=2", "--gradcheck-seed=7"), (1, 7)),
    ],
)
def test_order_and_seed(
    session: pytest.Pytester, marker: str, options: tuple[str, ...], expected: tuple[int, int]
) -> None:
    body = f"""
import importlib
@pytest.fixture(autouse=True)
def seen(monkeypatch):
    options = []
    def record(fn, inputs, order=1, seed=0):
        options.append((order, seed))
        return check_gradients(fn, inputs, order=order, seed=seed)
    for module in ("tinygrad_edu.testing", "tinygrad_edu.testing.check"):
        monkeypatch.setattr(importlib.import_module(module), "check_gradients", record)
    return options

@pytest.mark.gradcheck({marker})
def test_cube(seen, gradcheck):
    gradcheck(cube, POINT)
    gradcheck(cube, POINT, order=3, seed=5)
    assert seen == [{expected}, (3, 5)]
"""
    run(session, body, *options, "--strict-markers").assert_outcomes(passed=1)


def test_the_order_of_the_command_line_finds_what_the_first_cannot(session: pytest.Pytester) -> None:
    body = "def test_half(gradcheck):\n    gradcheck(Half.apply, POINT)"
    run(session, body).assert_outcomes(passed=1)
    result = run(session, body, "--gradcheck-order=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["gradient check of Half, order 2: WRONG*", "*likely: the first derivative is right*"])


def test_markers_of_a_class_and_its_test_add_up(session: pytest.Pytester) -> None:
    body = """
@pytest.mark.gradcheck(order=2, max_entries=3)
class TestOps:
    @pytest.mark.gradcheck(max_entries=2)
    def test_bad(self, gradcheck):
        with pytest.raises(GradcheckError) as caught:
            gradcheck(bad, POINT)
        assert len(caught.value.report.entries) == 2

    def test_cube(self, gradcheck):
        assert gradcheck(cube, POINT).order == 2
"""
    run(session, body).assert_outcomes(passed=2)


def test_a_marker_with_a_position_is_refused(session: pytest.Pytester) -> None:
    result = run(session, "@pytest.mark.gradcheck(2)\ndef test_cube(gradcheck):\n    gradcheck(cube, POINT)")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["pytest.mark.gradcheck takes keywords such as order=2, not (2,)"])


def test_marker_and_options_are_described(session: pytest.Pytester) -> None:
    session.runpytest_inprocess(*PLUGIN, "--markers").stdout.fnmatch_lines(["@pytest.mark.gradcheck(order=1, *"])
    lines = ["gradient checks (tinygrad_edu):", "*--gradcheck-order=N*", "*--gradcheck-seed=N*"]
    session.runpytest_inprocess(*PLUGIN, "--help").stdout.fnmatch_lines(lines)


STRANGERS = """
    import unittest
    import pytest

    def test_fails():
        x = 1
        assert x == 2, "said"

    def test_raises():
        raise ValueError("lines\\nof it")

    @pytest.mark.xfail(strict=True)
    def test_expected():
        raise RuntimeError

    @pytest.fixture
    def broken():
        assert 0

    def test_error(broken):
        pass

    def test_skips():
        pytest.skip("why")

    class TestOld(unittest.TestCase):
        def test_old(self):
            self.assertEqual(1, 2)
"""


def test_a_session_that_uses_nothing_of_it_prints_the_same(session: pytest.Pytester) -> None:
    session.makepyfile(STRANGERS)
    without, with_it = (
        session.runpytest_inprocess("-p", "no:tinygrad_edu", *IMPORTED, "-rA", *options) for options in ((), PLUGIN)
    )
    assert without.ret == with_it.ret == pytest.ExitCode.TESTS_FAILED
    assert [line for line in without.outlines if " in " not in line] == [
        line for line in with_it.outlines if " in " not in line
    ]


def test_a_report_that_the_assert_is_not_about_is_not_shown(session: pytest.Pytester) -> None:
    result = run(session, "def test_other():\n    report = check_gradients(bad, POINT)\n    assert 1 == 2")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("gradient check of bad*")
    result.stdout.fnmatch_lines(["E*assert 1 == 2"])


def test_loading_the_plugin_loads_nothing_of_the_package() -> None:
    program = "import sys, pytest_tinygrad_edu; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"numpy", "tinygrad_edu", "hypothesis"} & set(done.stdout.split())
