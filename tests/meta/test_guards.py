"""The guards of ``tests/conftest.py`` guard: each is shown a test that breaks its rule."""

from __future__ import annotations

import pytest

from support.repository import ROOT


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a folder with our conftest, for a pytest of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    return pytester


LEAKS = """
    import numpy as np
    import tinygrad_edu

    def test_grad_mode():
        tinygrad_edu.set_grad_enabled(False)

    def test_inference_mode():
        tinygrad_edu.inference_mode().__enter__()

    def test_anomaly_mode():
        tinygrad_edu.autograd.set_detect_anomaly(True)

    def test_default_dtype():
        tinygrad_edu.set_default_dtype(np.float64)

    def test_printing():
        tinygrad_edu.set_printoptions(precision=2)

    def test_error_state():
        np.seterr(all="raise")

    def test_print_options():
        np.set_printoptions(precision=2)

    def test_global_generator():
        np.random.standard_normal()

    def test_clean():
        with tinygrad_edu.no_grad():
            assert not tinygrad_edu.is_grad_enabled()
        assert tinygrad_edu.is_grad_enabled()
        assert tinygrad_edu.get_default_dtype() == np.float32
        assert not tinygrad_edu.is_anomaly_enabled()
"""

REPORTED = [
    "grad mode: True -> False",
    "inference mode: False -> True",
    "anomaly mode: False -> True",
    "default dtype: float32 -> float64",
    "how a tensor prints: tensor([0.3333, 0.6667]) -> tensor([0.33, 0.67])",
    "NumPy error state: ",
    "NumPy print options: ",
    "NumPy's global random generator was used",
]


def test_a_test_that_leaves_state_changed_fails_and_the_next_is_not_harmed(
    inner: pytest.Pytester,
) -> None:
    inner.makepyfile(LEAKS)
    result = inner.runpytest_subprocess()
    result.assert_outcomes(passed=9, errors=8)
    output = result.stdout.str()
    for what in REPORTED:
        assert what in output, what
    assert "ERROR at teardown of test_clean" not in output


def test_every_test_starts_from_the_same_random_numbers(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest
        import tinygrad_edu

        drawn = []

        @pytest.mark.parametrize("run", [0, 1])
        def test_draw(run):
            drawn.append(tinygrad_edu.rand(3).tolist())
            assert drawn[0] == drawn[run]
        """
    )
    inner.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("options", "max_examples", "derandomize"),
    [([], 20, True), (["--hypothesis-profile=thorough"], 500, False)],
)
def test_hypothesis_profile(inner: pytest.Pytester, options: list[str], max_examples: int, derandomize: bool) -> None:
    inner.makepyfile(
        f"""
        from hypothesis import given, settings, strategies

        def test_profile():
            assert settings().max_examples == {max_examples}
            assert settings().derandomize is {derandomize}
            assert settings().deadline is None

        @given(strategies.integers())
        def test_guards_stand_beside_given(x):
            assert x == x
        """
    )
    inner.runpytest_subprocess(*options).assert_outcomes(passed=2)


def test_a_missing_pytorch_stops_the_run_where_it_is_required(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_EDU_REQUIRE_TORCH", "1")
    inner.makepyfile(torch="raise ModuleNotFoundError('no torch here')")
    monkeypatch.setenv("PYTHONPATH", f"{inner.path}:{ROOT}")
    inner.makepyfile(test_any="def test_any(): assert True")
    result = inner.runpytest_subprocess()
    assert result.ret != 0
    assert "no torch here" in result.stdout.str() + result.stderr.str()
