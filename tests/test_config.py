"""What the arrays run on, as it is printed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinygrad_edu as tg


def test_config_names_what_speed_depends_on() -> None:
    found = tg.config()
    assert {"python", "numpy", "machine", "blas"} <= found.keys()
    assert found["numpy"] == np.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(found.values())


def test_config_shows_the_variables_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = tg.config()
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert "OMP_NUM_THREADS" not in found


def test_config_without_threadpoolctl_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert "pip install threadpoolctl" in tg.config()["blas"]


def test_show_config_prints_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    tg.show_config()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{name}: {value}" for name, value in tg.config().items()]
