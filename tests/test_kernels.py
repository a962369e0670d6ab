"""Which kernel runs, and that the compiled ones do what the NumPy ones do.

``pytest --kernels fast`` runs every other test with the compiled kernels; here stands what those cannot see.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import kernels


@pytest.fixture(autouse=True)
def choice_as_it_was() -> Iterator[None]:
    before = tg.get_kernels()
    yield
    tg.set_kernels(before)


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function with a twin that pays from 100 elements on and is made for float32 only."""
    monkeypatch.setitem(kernels.FAST, "twice", ("planted", 100))
    monkeypatch.setitem(kernels._State.loaded, "twice", lambda x: "fast" if x.dtype == np.float32 else NotImplemented)
    monkeypatch.setattr(kernels, "_has_numba", lambda: True)

    def _twice(x: Any) -> str:
        """Say who did the work."""
        return "numpy"

    yield kernels.accelerated(_twice)
    kernels.REFERENCES.pop("twice")


SMALL, LARGE = np.zeros(99, np.float32), np.zeros(100, np.float32)


@pytest.mark.parametrize(
    ("choice", "small", "large"), [("numpy", "numpy", "numpy"), ("auto", "numpy", "fast"), ("fast", "fast", "fast")]
)
def test_choice_and_size_decide(twice: Any, choice: str, small: str, large: str) -> None:
    tg.set_kernels(choice)
    assert tg.get_kernels() == choice
    assert (twice(SMALL), twice(LARGE)) == (small, large)


def test_what_the_compiled_one_was_not_made_for_goes_to_the_reference(twice: Any) -> None:
    tg.set_kernels("fast")
    assert twice(LARGE.astype(np.float64)) == "numpy"


def test_accelerated_function_keeps_its_name_and_its_reference(twice: Any) -> None:
    assert twice.__name__ == "_twice"
    assert twice.__doc__ == "Say who did the work."
    assert kernels.REFERENCES["twice"](LARGE) == "numpy"


def test_without_numba_auto_takes_the_reference(twice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_has_numba", lambda: False)
    tg.set_kernels("auto")
    assert twice(LARGE) == "numpy"
    assert "not installed" in tg.config()["kernels"]


def test_without_numba_fast_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_has_numba", lambda: False)
    before = tg.get_kernels()
    with pytest.raises(ImportError, match=r"pip install 'tinygrad-edu\[fast\]'"):
        tg.set_kernels("fast")
    assert tg.get_kernels() == before


def test_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="one of 'numpy', 'fast', 'auto', but got 'quick'"):
        tg.set_kernels("quick")


def test_numba_is_not_imported_with_the_package_nor_for_small_arrays() -> None:
    program = (
        "import sys, tinygrad_edu as tg; layer = tg.nn.Linear(3, 2); layer(tg.ones(4, 3)).sum().backward(); "
        "assert 'numba' not in sys.modules and 'threadpoolctl' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_row_of_the_table_has_a_reference_and_a_twin() -> None:
    assert kernels.FAST
    assert set(kernels.REFERENCES) == set(kernels.FAST)
    pytest.importorskip("numba")
    for name, (module, _) in kernels.FAST.items():
        assert callable(kernels._load(module, name))


def test_a_reference_without_a_row_is_refused() -> None:
    with pytest.raises(KeyError, match="unheard_of"):

        @kernels.accelerated
        def _unheard_of(x: Any) -> None: ...
