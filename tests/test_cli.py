"""The command line: what it prints, what it writes, and how it fails: with a sentence, never with a traceback."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu import cli

MNIST = ROOT.parent / "shared" / "data" / "mnist"
QUICK = ["train", "--epochs", "1", "--model", "mlp", "--batch-size", "64"]


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run a command that must fail with status 1 and one sentence, and return that."""
    assert cli.main(argv) == 1
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("tinygrad-edu train: ")
    return sentence


def start(*argv: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tinygrad_edu", *argv]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_train_reports_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*QUICK, "--out", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    for part in (
        "mlp with 9,610 parameters, adamw",
        "epoch   1  train loss",
        "test loss",
        "confusion matrix",
        "written: ",
    ):
        assert part in out
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"weights.npz", "history.csv", "graph.dot"} <= names <= {*names, "graph.svg"}


def test_default_folder_is_named_after_data_and_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(QUICK) == 0
    assert (tmp_path / "runs" / "digits-mlp" / "weights.npz").exists()


def test_second_run_replaces_the_first(tmp_path: Path) -> None:
    weights = []
    for seed in ("1", "2"):
        assert cli.main([*QUICK, "--seed", seed, "--out", str(tmp_path)]) == 0
        weights.append(tg.load(tmp_path / "weights.npz")["1.weight"])
    assert not tg.equal(*weights)
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "required: command"),
        (["fly"], "invalid choice: 'fly'"),
        (["train", "--epochs", "0"], "'0' is not a positive whole number"),
        (["train", "--epochs", "1.5"], "'1.5' is not a positive whole number"),
        (["train", "--batch-size", "-3"], "'-3' is not a positive whole number"),
        (["train", "--lr", "fast"], "'fast' is not a positive number"),
        (["train", "--lr", "nan"], "'nan' is not a positive number"),
        (["train", "--lr", "inf"], "'inf' is not a positive number"),
        (["train", "--data", "letters"], "invalid choice: 'letters'"),
        (["train", "--model", "gpt"], "invalid choice: 'gpt'"),
        (["train", "--optimizer", "lion"], "invalid choice: 'lion'"),
        (["train", "--seed", "x"], "invalid int value: 'x'"),
        (["train", "--depth", "3"], "unrecognized arguments: --depth"),
    ],
)
def test_wrong_options(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"tinygrad-edu {tg.__version__}\n"


def test_missing_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refusal(capsys, "train", "--data", "mnist", "--root", str(tmp_path), "--out", str(tmp_path / "run"))
    for part in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", str(tmp_path), "add --download"):
        assert part in sentence


def write_t10k(folder: Path, labels: int) -> None:
    """Write ten images and some labels in the format of MNIST."""
    pixels = np.zeros((10, 28, 28), np.uint8)
    shape = b"".join(n.to_bytes(4, "big") for n in pixels.shape)
    images = b"\0\0\x08\x03" + shape + pixels.tobytes()
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    rows = b"\0\0\x08\x01" + labels.to_bytes(4, "big") + bytes(labels)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(rows)


def test_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_t10k(tmp_path, 10)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:30])
    sentence = refusal(capsys, *QUICK, "--data", "mnist", "--root", str(tmp_path), "--out", str(tmp_path / "run"))
    assert "t10k-images-idx3-ubyte.gz is a damaged gzip file" in sentence


def test_files_that_do_not_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_t10k(tmp_path, 9)
    sentence = refusal(capsys, *QUICK, "--data", "mnist", "--root", str(tmp_path), "--out", str(tmp_path / "run"))
    assert "10" in sentence
    assert "9" in sentence


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_diverging_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refusal(capsys, *QUICK, "--optimizer", "sgd", "--lr", "1e30", "--out", str(tmp_path))
    assert "try a smaller --lr than 1e+30" in sentence


def test_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for out in ("file", "file/below"):
        sentence = refusal(capsys, *QUICK, "--out", str(tmp_path / out))
        assert "cannot be written to" in sentence


def test_folder_without_permission(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert "cannot be written to (permission denied)" in refusal(capsys, *QUICK, "--out", str(tmp_path))


def test_seed_that_is_too_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "64 bits" in refusal(capsys, *QUICK, "--seed", str(2**70), "--out", str(tmp_path))


def test_interrupted_run_ends_with_a_word(tmp_path: Path) -> None:
    process = start("train", "--epochs", "10000", "--out", str(tmp_path))
    assert process.stdout is not None
    while not process.stdout.readline().startswith("epoch"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "tinygrad-edu train: stopped"
    assert "Traceback" not in err


def test_reader_that_goes_away(tmp_path: Path) -> None:
    with start(*QUICK, "--epochs", "5", "--out", str(tmp_path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 1


def test_confusion_text() -> None:
    lines = cli.confusion_text(np.array([[12, 0], [3, 1000]]), ["cat", "dog"]).splitlines()
    assert lines[1:] == ["        0    1", "cat:   12    .", "dog:    3 1000"]


@pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST files are not there")
def test_real_mnist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["train", "--data", "mnist", "--root", str(MNIST), "--model", "mlp", "--epochs", "1", "--batch-size", "256"]
    assert cli.main([*argv, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "only the t10k files of mnist are there, so those are split 80/20" in out
    assert "train 7,200, validation 800, test 2,000 images of (1, 28, 28)" in out
    accuracy = float(out.split("test loss")[1].split("accuracy ")[1].split("%")[0])
    assert accuracy > 80
