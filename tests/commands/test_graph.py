"""``tinygrad-edu graph``: a model is found, called, and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinygrad_edu.cli import main

MODEL = """
import tinygrad_edu as tg
from tinygrad_edu import nn

class Net(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, n), nn.ReLU())
        self.head = nn.Linear(n, 2)

    def forward(self, x, scale=1.0):
        return {"logits": self.head(self.body(x)) * scale, "labels": x.argmax(1)}

net = Net(5)
frozen = Net().requires_grad_(False)
embed = nn.Embedding(3, 2)

def product(a, b):
    return (a * b).sum()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(MODEL)
    return tmp_path


def drawn(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_class_is_made_and_drawn_with_its_modules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "my_net.py:Net", "--input", "7,4", "-o", "net.json", "--depth", "1"]) == 0
    said = capsys.readouterr().out
    assert "written: net.json" in said
    assert "4 operations" in said
    found = drawn(folder / "net.json")
    assert found["depth"] == 1
    boxes = [box["path"] for box in found["boxes"] if "path" in box]  # type: ignore[attr-defined]
    assert boxes == ["body", "body.0", "body.1", "head"]
    kinds = [item["kind"] for item in found["items"]]  # type: ignore[attr-defined]
    assert kinds.count("parameter") == 4
    assert kinds.count("input") == 1


def test_instance_parameters_and_other_inputs(folder: Path) -> None:
    assert main(["graph", "my_net.py:net", "--input", "1,4", "--param", "scale=2.0", "-o", "a.json"]) == 0
    shapes = [item.get("shape") for item in drawn(folder / "a.json")["items"]]  # type: ignore[attr-defined]
    assert [5, 4] in shapes
    assert main(["graph", "my_net.py:product", "--input", "3", "--input", "3", "-o", "b.json"]) == 0
    assert [i["kind"] for i in drawn(folder / "b.json")["items"]].count("leaf") == 2  # type: ignore[attr-defined]
    assert main(["graph", "my_net.py:embed", "--input", "5:int64:0:3", "-o", "c.json"]) == 0


def test_frozen_model_shows_the_gradient_of_its_input(folder: Path) -> None:
    assert main(["graph", "my_net.py:frozen", "--input", "1,4", "-o", "a.json"]) == 0
    kinds = [item["kind"] for item in drawn(folder / "a.json")["items"]]  # type: ignore[attr-defined]
    assert kinds.count("leaf") == 1
    assert kinds.count("frozen") >= 1


def test_one_module_is_shown_open(folder: Path) -> None:
    folded = ["graph", "my_net.py:Net", "--input", "1,4", "--depth", "1", "-o"]
    assert main([*folded, "a.dot"]) == 0
    assert main([*folded, "b.dot", "--unfold", "body"]) == 0
    assert "ReLU" not in (folder / "a.dot").read_text()
    assert "ReLU" in (folder / "b.dot").read_text()


def test_same_seed_same_picture(folder: Path) -> None:
    for name in ("a", "b"):
        assert main(["graph", "my_net.py:product", "--input", "3", "--input", "3", "-o", f"{name}.dot"]) == 0
    assert (folder / "a.dot").read_text() == (folder / "b.dot").read_text()


def test_page_is_written_when_nothing_else_is_said(folder: Path) -> None:
    assert main(["graph", "my_net.py:Net", "--input", "1,4"]) == 0
    assert (folder / "Net.html").read_text().lstrip().lower().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["my_net.py:Nett", "--input", "1"], "did you mean Net"),
        (["my_net.py:Net", "--input", "1,5"], "calling my_net.py:Net with float32 [1, 5] raised"),
        (["my_net.py:embed", "--input", "2", "-o", "x.gif"], "x.gif"),
        (["no_such_module:f", "--input", "1"], "there is no module 'no_such_module'"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    if "x.gif" in options:
        options[2] = "2:int64:0:3"
    assert main(["graph", *options]) == 1
    assert sentence in capsys.readouterr().err
    assert [path.name for path in folder.iterdir() if path.suffix in (".html", ".gif")] == []


def test_model_that_leaves_is_a_mistake_too(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "leaving.py").write_text("def f(x):\n    raise SystemExit(3)\n")
    assert main(["graph", "leaving.py:f", "--input", "3"]) == 1
    assert "calling leaving.py:f with float64 [3] raised SystemExit: 3 (leaving.py, line 2)" in capsys.readouterr().err


def test_nothing_to_draw(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "flat.py").write_text("def f(x):\n    return x.argmax()\n")
    assert main(["graph", "flat.py:f", "--input", "3"]) == 1
    assert "nothing in it that wants a gradient" in capsys.readouterr().err
