"""What a recording gives out: rows, tables, files; and what it says to who asks for something else."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.viz.recording import Recording, record


def recorded(steps: int = 6, every: int = 2, **options: Any) -> Recording:
    """Record the training of a small network, whose modules have names that HTML and JSON must escape."""
    tg.manual_seed(1)
    model = nn.Sequential()
    model.add_module("in</script><b>$x_1$", nn.Linear(3, 4))
    model.add_module("_tanh", nn.Tanh())
    model.add_module("out", nn.Linear(4, 1))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    with record(model, every, **options) as recording:
        for _ in range(steps):
            optimizer.zero_grad()
            (model(tg.randn(5, 3)) ** 2).mean().backward()
            optimizer.step()
    return recording


def test_rows_are_plain_data_and_filtered() -> None:
    recording = recorded()
    rows = recording.rows("weights", "out.weight")
    assert [row["step"] for row in rows] == [0, 2, 4]
    assert rows[0]["shape"] == (1, 4)
    assert (rows[0]["module"], rows[0]["dtype"], rows[0]["trainable"]) == ("Linear", "float32", True)
    plain = {int, float, str, bool, tuple, list, type(None)}
    assert {type(value) for row in recording.rows() for value in row.values()} <= plain
    assert {row["what"] for row in recording.rows(name="out")} == {"activations", "activation_gradients"}
    assert len(recording.rows()) == 3 * (3 * 4 + 2 * 4)


def test_values_are_nan_where_nothing_came() -> None:
    model = nn.Linear(2, 1)
    with record(model, every=1) as recording:
        model(tg.ones(1, 2)).sum().backward()
        model(tg.ones(1, 2))
    first, second = recording.values("gradients", "bias", "norm")
    assert (first, math.isnan(second)) == (1.0, True)


def test_update_of_the_last_step_is_known_when_it_is_over() -> None:
    model = nn.Linear(2, 1)
    with record(model, every=1) as recording:
        model(tg.ones(1, 2))
        assert recording.rows("updates") == []
        model(tg.ones(1, 2))
        assert [row["step"] for row in recording.rows("updates", "bias")] == [0]
    assert [row["step"] for row in recording.rows("updates", "bias")] == [0, 1]


def test_table_has_a_line_for_each_tensor() -> None:
    model = nn.Linear(2, 1, bias=False)
    with tg.no_grad():
        model.weight.copy_(tg.tensor([[3.0, -4.0]]))
    with record(model, every=1) as recording:
        model(tg.ones(1, 2))
        model(tg.zeros(1, 2))
    assert recording.table("weights") == (
        "name    module  shape  mean  std  min  max  norm  zeros\n"
        "weight  Linear  1×2    -0.5  3.5   -4    3     5      0"
    )
    assert recording.table("activations", step=0).splitlines()[1].split() == (
        ["(model)", "Linear", "1×1", "-1", "0", "-1", "-1", "1", "0", "0", "-"]
    )
    assert recording.table("weights", match="bias").splitlines() == [
        "name  module  shape  mean  std  min  max  norm  zeros"
    ]


def test_names_are_those_of_the_model_in_its_order() -> None:
    recording = recorded()
    assert recording.names("gradients", "out.*") == ["out.weight", "out.bias"]
    assert recording.names("activations") == ["in</script><b>$x_1$", "_tanh", "out", "(model)"]
    assert recording.names("activation_gradients") == recording.names("activations")
    assert recording.names("activations", "(model)") == ["(model)"]
    assert recording.names("activations", ["out", "_*"]) == ["_tanh", "out"]


def test_what_it_prints() -> None:
    assert repr(recorded()) == "<Recording of Sequential: 3 steps, every=2>"


def test_json_has_everything(tmp_path: Path) -> None:
    recording = recorded()
    path = recording.save(tmp_path / "run.json")
    data = json.loads(path.read_text())
    assert (data["model"], data["every"], data["steps"]) == ("Sequential", 2, [0, 2, 4])
    series = {(s["what"], s["name"]): s for s in data["series"]}
    assert len(series) == 3 * 4 + 2 * 4
    for (what, name), one in series.items():
        for column, values in one["columns"].items():
            assert [float(v) for v in values] == pytest.approx(recording.values(what, name, column), nan_ok=True)
    assert sum(series["weights", "out.weight"]["histograms"][0]["counts"]) == 4


def test_json_says_nan_and_infinity_as_text(tmp_path: Path) -> None:
    model = nn.Linear(1, 1, bias=False)
    with tg.no_grad():
        model.weight.zero_()
    with record(model, every=1) as recording:
        model(tg.tensor([[math.nan]]))
        with tg.no_grad():
            model.weight += 1.0
        model(tg.tensor([[2.0]]))
    text = recording.save(tmp_path / "run.json").read_text()
    series = {s["what"]: s for s in json.loads(text, parse_constant=pytest.fail)["series"]}
    assert series["activations"]["columns"]["mean"] == ["NaN", 2.0]
    assert series["updates"]["columns"]["ratio"] == ["Infinity", 0.0]
    assert series["activations"]["histograms"][0] is None


def test_page_escapes_what_could_end_its_script(tmp_path: Path) -> None:
    text = recorded().save(tmp_path / "run.html").read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    assert "<b>$x" not in text
    assert "<!--" not in text
    begin = text.index('<script type="application/json" id="data">') + len('<script type="application/json" id="data">')
    data = json.loads(text[begin : text.index("</script>", begin)])
    assert data["series"][0]["name"] == "in</script><b>$x_1$.weight"


def test_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    text = recorded().save(tmp_path / "run.html").read_text(encoding="utf-8")
    for address in ("http:", "https:", "src=", "@import", "url("):
        assert address not in text.replace("http://www.w3.org/2000/svg", "")


def test_names_that_are_places_of_the_template_stay_names(tmp_path: Path) -> None:
    model = nn.Sequential()
    model.add_module("/*script*/", nn.Linear(1, 1))
    with record(model, every=1) as recording:
        model(tg.ones(1, 1))
    text = recording.save(tmp_path / "run.html").read_text(encoding="utf-8")
    assert '"name":"/*script*/.weight"' in text


def test_empty_recording_can_be_saved_and_read(tmp_path: Path) -> None:
    recording = record(nn.Linear(1, 1))
    recording.close()
    assert (recording.steps, recording.rows(), recording.names("weights")) == ([], [], [])
    assert json.loads(recording.save(tmp_path / "run.json").read_text())["series"] == []
    assert recording.save(tmp_path / "run.html").exists()
    assert recording.table() == "name  module  shape  mean  std  min  max  norm  zeros"


def test_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.html"
    path.write_text("before")
    recording = recorded()
    monkeypatch.setattr("tinygrad_edu.viz.recording.page.joined", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        recording.save(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


# ---- mistakes


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: record([m]), TypeError, r"record: model must be an nn\.Module, got list\."),
        (lambda m: record(m, every=0), ValueError, r"record: every must be 1 or more, got 0\."),
        (lambda m: record(m, every=2.0), TypeError, r"record: every must be an int, got float\."),
        (lambda m: record(m, every=True), TypeError, r"record: every must be an int, got bool\."),
        (lambda m: record(m, calls_per_step=0), ValueError, r"record: calls_per_step must be 1 or more, got 0\."),
        (lambda m: record(m, keep=1), ValueError, r"record: keep must be 2 or more, got 1\."),
        (lambda m: record(m, what=["weight"]), ValueError, r"record: what= must be one of weights, .*; got 'weight'\."),
        (lambda m: record(m, what=[]), ValueError, r"record: what= must be one of weights, .*; got ''\."),
    ],
)
def test_wrong_argument_of_record(call: Any, kind: type[Exception], message: str) -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(kind, match=message):
        call(model)
    assert model._hooks is None


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda r: r.names("loss"), ValueError, r"names: what= must be one of weights, .*; got 'loss'\."),
        (lambda r: r.rows("loss"), ValueError, r"rows: what= must be one of weights, .*; got 'loss'\."),
        (
            lambda r: r.values("weights", "out", "norm"),
            KeyError,
            r"no weights of 'out' were recorded; there are .*out\.bias",
        ),
        (lambda r: r.values("weights", "out.bias", "median"), ValueError, r"no column 'median'; there are mean, std,"),
        (lambda r: r.table(step=3), KeyError, r"step 3 was not recorded; recorded are \[0, 2, 4\]\."),
        (
            lambda r: r.plot("weights", kind="pie"),
            ValueError,
            r"kind= must be one of heatmap, ridgeline, curves; got 'pie'",
        ),
        (lambda r: r.plot("weights", column="median"), ValueError, r"Recording\.plot: there is no column 'median'"),
        (
            lambda r: r.plot("weights", match="conv*"),
            ValueError,
            r"no weights to draw: no name fits 'conv\*'; there are",
        ),
        (lambda r: r.plot("weights", column="dead"), ValueError, r"none of the weights has a finite 'dead' to draw\."),
        (
            lambda r: r.save("run.pdf"),
            ValueError,
            r"cannot write 'run\.pdf'; the suffix must be one of \('html', 'json'",
        ),
    ],
)
def test_wrong_question_to_a_recording(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(recorded())


def test_plot_of_nothing_says_why() -> None:
    recording = record(nn.Linear(1, 1))
    recording.close()
    with pytest.raises(ValueError, match=r"no step was recorded; call the model in training mode while"):
        recording.plot()
    with pytest.raises(ValueError, match=r"none came at the recorded steps \[0, 2, 4\], or what= left them out"):
        recorded(what="weights").plot("gradients")


def test_missing_matplotlib_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recording = recorded()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad-edu\[viz\]"'):
        recording.save(tmp_path / "run.png")
    assert list(tmp_path.iterdir()) == []
    assert recording.save(tmp_path / "run.html").exists()


def test_plot_of_values_that_are_no_numbers_says_so() -> None:
    model = nn.Identity()
    with record(model, every=1) as recording:
        model(tg.tensor(np.full((2, 2), np.nan)))
    with pytest.raises(ValueError, match=r"none of the activations has a finite value to draw"):
        recording.plot("activations")


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Recording\.save: there is no folder '.*new'; make it first"):
        recorded().save(tmp_path / "new" / "run.json")
    assert list(tmp_path.iterdir()) == []
