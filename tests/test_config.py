"""What the arrays run on, as it is printed."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinygrad_edu as tg


def test_config_names_what_speed_depends_on() -> None:
    found = tg.config()
    assert {"python", "numpy", "machine", "blas", "threads", "kernels"} <= found.keys()
    assert found["numpy"] == np.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(found.values())


def test_config_shows_the_variables_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = tg.config()
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert "OMP_NUM_THREADS" not in found


def test_config_of_a_blas_that_cannot_be_asked_says_how_it_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threadpoolctl.threadpool_info", list)
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    assert tg.config()["blas"] == f"{built['name']} {built['version']}"


def test_config_says_which_threads_and_kernels_are_used() -> None:
    assert tg.config()["threads"] == str(tg.get_num_threads())
    assert tg.config()["kernels"].startswith(tg.get_kernels() + " (")


def test_show_config_prints_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    tg.show_config()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{name}: {value}" for name, value in tg.config().items()]
