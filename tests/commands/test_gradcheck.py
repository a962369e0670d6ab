"""``tinygrad-edu gradcheck``: what it finds, what it prints, its exit status, and a sentence where it cannot check."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu import cli
from tinygrad_edu.commands.inputs import Input, read_input, read_param
from tinygrad_edu.testing import check_gradients

OPS = """
import sys
import numpy as np
import tinygrad_edu as tg
from tinygrad_edu import nn, op

print("loaded as", __name__)

@op(vjps=(lambda g, _out, x: g * 3 * x * x,))
def cube(x):
    return x * x * x

@op(vjps=(lambda g, _out, x, _n: g * 2 * x, None))
def bad(x, n=3):
    return x**n

class Scale(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor=2.0):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, g):
        return (g * ctx.factor,)

class Inner:
    @staticmethod
    def twice(x):
        return x + x

    value = 3

    def method(self, x):
        return x

class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(tg.randn(3))

    def forward(self, x):
        return x * self.weight

class Sized(nn.Module):
    def __init__(self, size):
        super().__init__()

layer = nn.Linear(3, 2)

def pick(x, index):
    return x[index]

def root(x):
    if (x.detach().numpy() < 0).any():
        raise ArithmeticError("a root of\\n  a negative number")
    return x.sqrt()

def chatty(x):
    print("called")
    return x * 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a file of ops; its modules are forgotten afterwards."""
    (tmp_path / "my_op.py").write_text(OPS)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "pack" / "sibling.py").write_text("FACTOR = 2\n")
    (tmp_path / "pack" / "ops.py").write_text("from .sibling import FACTOR\ndef twice(x):\n    return x * FACTOR\n")
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).resolve().is_relative_to(tmp_path.resolve()):  # not NumPy's, which load once a process
            del sys.modules[name]


def run(*argv: str) -> int:
    return cli.main(["gradcheck", *argv])


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run a check that must be refused with one sentence, and return the sentence."""
    assert run(*argv) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert "gradient check" not in printed.out
    assert line.startswith("tinygrad-edu gradcheck: ")
    return line.removeprefix("tinygrad-edu gradcheck: ")


@pytest.mark.parametrize(
    "target",
    ["my_op.py:cube", "./my_op.py:cube", "my_op:cube", "my_op.py:Scale", "my_op.py:Scale.apply", "my_op:Inner.twice"]
    + ["my_op.py:Layer", "my_op.py:layer", "pack.ops:twice", "tinygrad_edu:exp", "tinygrad_edu.nn:GELU"]
    + ["tinygrad_edu.nn.functional:softplus"],
)
def test_a_right_derivative(folder: Path, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(target, "--input", "2,3", "--order", "2") == 0
    printed = capsys.readouterr()
    assert ", orders 1 to 2: right" in printed.out
    assert "  drawn: input 0 in [-2, 2), seed 0" in printed.out
    assert printed.err == ""


def test_a_wrong_derivative_prints_the_whole_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("my_op.py:bad", "--input", "2,3", "--seed", "5") == 1
    out = capsys.readouterr().out

    @tg.op(vjps=(lambda g, _out, x, _n: g * 2 * x, None))
    def bad(x: Any, n: Any = 3) -> Any:
        return x**n

    points = np.random.default_rng(5).uniform(-2, 2, (2, 3))
    assert str(check_gradients(bad, tg.from_numpy(points), seed=5)) in out
    assert out.endswith("seed 5\n")


def test_the_same_seed_gives_the_same_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for seed in ("1", "1", "2"):
        assert run("my_op.py:bad", "--input", "3", "--seed", seed) == 1
        printed.append(capsys.readouterr().out.partition("\n")[2])  # below what the file itself prints
    assert printed[0] == printed[1] != printed[2]


def test_weights_that_a_file_draws_come_from_the_seed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for _ in range(2):
        assert run("my_op.py:Layer", "--input", "3", "--json") == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert '"weight"' in printed[0]


def test_parameters_are_handed_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("my_op.py:bad", "--input", "3", "--param", "n=2") == 0
    assert run("my_op.py:Scale", "--input", "3", "--param", "factor=0.5") == 0
    assert run("tinygrad_edu:sum", "--input", "2,3", "--param", "dim=(0, 1)", "--param", "keepdim=True") == 0
    assert run("tinygrad_edu.nn.functional:gelu", "--input", "3", "--param", "approximate=tanh") == 0


def test_a_module_is_called_with_the_dtype_of_its_parameters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("my_op.py:layer", "--input", "2,3") == 0
    assert capsys.readouterr().out.count("float32") == 3  # the input, the weight, the bias
    assert "double != float" in refusal(capsys, "my_op.py:layer", "--input", "2,3", "--dtype", "float64")


def test_integers_are_passed_on_and_not_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("my_op.py:pick", "--input", "4,2", "--input", "6:int64:0:4", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in result["inputs"]] == ["input 0"]
    assert result["call"]["inputs"][1] == {"shape": [6], "dtype": "int64", "low": 0.0, "high": 4.0}


def test_bool_and_scalar_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tinygrad_edu:where", "--input", "4:bool", "--input", "scalar", "--input", "()") == 0
    assert "drawn: input 1 in [-2, 2), input 2 in [-2, 2), seed 0" in capsys.readouterr().out


def test_the_range_and_the_dtype_of_the_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("my_op.py:root", "--input", "5", "--low", "0.5", "--high", "3", "--dtype", "float32") == 0
    out = capsys.readouterr().out
    assert "float32" in out
    assert "input 0 in [0.5, 3)" in out
    assert run("my_op.py:root", "--input", "5:0.5:3") == 0
    assert run("my_op.py:root", "--input", "5:float16:1:3", "--low=-9") == 0


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("my_op.py:bad", "--input", "2,3", "--param", "n=4", "--seed", "3", "--json") == 1
    printed = capsys.readouterr()
    result = json.loads(printed.out, parse_constant=pytest.fail)  # no NaN, which JSON has not
    assert "loaded as" in printed.err
    assert result["call"] == {
        "target": "my_op.py:bad",
        "inputs": [{"shape": [2, 3], "dtype": "float64", "low": -2.0, "high": 2.0}],
        "params": {"n": "4"},
        "seed": 3,
    }
    assert (result["function"], result["ok"], result["wrong"]) == ("bad", False, 6)
    assert set(result["entries"][0]) >= {"input", "index", "output_index", "analytic", "numeric", "error"}


def test_json_of_a_report_with_nan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vjp = "lambda g, _out, x: g * float('nan') * x"
    (folder / "nan.py").write_text(f"from tinygrad_edu import op\n@op(vjps=({vjp},))\ndef f(x):\n    return x * x\n")
    assert run("nan.py:f", "--input", "2", "--json") == 1
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["my_op.py"], "'my_op.py' does not say which function: write MODULE:NAME or FILE.py:NAME"),
        (["my_op.py:"], "'my_op.py:' does not say which function"),
        ([":cube"], "':cube' does not say which function"),
        (["other.py:cube"], "there is no file other.py"),
        (["other:cube"], "there is no module 'other', here or among the installed packages"),
        (["pack.other:cube"], "there is no module 'pack.other'"),
        (["my_op.cube:x"], "there is no module 'my_op.cube'"),
        (["my_op.py:cub"], "my_op.py has no 'cub'; did you mean cube?"),
        (["my_op.py:Inner.thrice"], "my_op.py has no 'Inner.thrice'"),
        (
            ["my_op.py:Inner.value"],
            "my_op.py:Inner.value is of type int, which cannot be differentiated: give a function",
        ),
        (["my_op.py:Inner"], "my_op.py:Inner is a class, which cannot be differentiated"),
        (["my_op.py:Sized"], "give FILE.py:layer"),
        (["tinygrad_edu.nn:Linear"], "make one in a file, such as layer = Linear(...)"),
        (["pack/ops.py:twice"], "give the module by its name, PACKAGE.ops"),
        (
            ["my_op.py:cube", "--input", "3"],
            "checking cube(float64 [2, 3], float64 [3]) raised TypeError: cube() takes",
        ),
        (["my_op.py:Inner.method"], "checking Inner.method(float64 [2, 3]) raised TypeError"),
        (["my_op.py:cube", "--param", "m=2"], "checking cube(float64 [2, 3], m=2) raised TypeError: cube() has no"),
        (["my_op.py:cube", "--dtype", "int64"], "checking cube(int64 [2, 3]) raised ValueError: check_gradients: none"),
        (["my_op.py:root"], "raised ArithmeticError: a root of a negative number (my_op.py, line "),
        (["my_op.py:cube", "--low", "3"], "between a low and a higher number, not between 3 and 2"),
        (["my_op.py:cube", "--high", "nan"], "not between -2 and nan"),
        (
            ["my_op.py:cube", "--input", "3:int64:0.2:0.9"],
            "no number of dtype int64 from 0 up to, but not including, 0",
        ),
        (["my_op.py:cube", "--input", "3:uint8:-1:5"], "no number of dtype uint8 from -1"),
        (["my_op.py:cube", "--seed", str(2**70)], "64 bits"),
    ],
)
def test_what_cannot_be_checked_is_said_in_a_sentence(
    folder: Path, argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, *options = argv
    assert sentence in refusal(capsys, target, "--input", "2,3", *options)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import no_such_module_at_all", "importing broken.py raised ModuleNotFoundError: No module named"),
        ("\n1 / 0", "importing broken.py raised ZeroDivisionError: division by zero (broken.py, line 2)"),
        ("def f(:", "importing broken.py raised SyntaxError: invalid syntax (broken.py, line 1)"),
        ("open('missing.txt')", "importing broken.py raised FileNotFoundError"),
        ("import sys; sys.exit(3)", "importing broken.py raised SystemExit: 3 (broken.py, line 1)"),
    ],
)
def test_a_file_that_cannot_be_imported(
    folder: Path, source: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.py").write_text(source)
    assert sentence in refusal(capsys, "broken.py:f", "--input", "3")
    assert "broken" not in sys.modules


def test_a_missing_import_of_a_module_is_not_taken_for_the_module(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "needy.py").write_text("import no_such_module_at_all")
    assert "importing needy raised ModuleNotFoundError" in refusal(capsys, "needy:f", "--input", "3")


def test_a_file_named_like_a_module_does_not_replace_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "numpy.py").write_text("def double(x):\n    return x * 2\n")
    assert run("numpy.py:double", "--input", "3") == 0
    assert sys.modules["numpy"] is np


def test_a_file_imports_its_neighbours_and_leaves_the_path_as_it_was(folder: Path) -> None:
    (folder / "pack" / "user.py").write_text("from sibling import FACTOR\ndef f(x):\n    return x * FACTOR\n")
    before = list(sys.path)
    assert run("pack/user.py:f", "--input", "3") == 0
    assert sys.path == before


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "the following arguments are required: MODULE:NAME, --input"),
        (["my_op.py:cube"], "the following arguments are required: --input"),
        (["my_op.py:cube", "--input", "3,x"], "'3,x' is not an input: write SHAPE[:DTYPE][:LOW:HIGH]"),
        (["my_op.py:cube", "--input", "3:complex64"], "'complex64' is none of the dtypes float64, float32"),
        (["my_op.py:cube", "--input", "3", "--dtype", "float"], "'float' is none of the dtypes"),
        (["my_op.py:cube", "--input", "3", "--param", "dim"], "'dim' is not a parameter: write NAME=VALUE"),
        (["my_op.py:cube", "--input", "3", "--order", "0"], "'0' is not a positive whole number"),
        (["my_op.py:cube", "--input", "3", "--seed", "-1"], "'-1' is not a whole number from 0 up"),
        (["my_op.py:cube", "--input", "3", "--low", "x"], "invalid float value: 'x'"),
    ],
)
def test_wrong_options(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*argv)
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3,4", Input((3, 4))),
        ("3", Input((3,))),
        ("(3, 4)", Input((3, 4))),
        ("[3,]", Input((3,))),
        ("0,2", Input((0, 2))),
        ("()", Input(())),
        ("scalar", Input(())),
        ("scalar:float32", Input((), "float32")),
        ("3:int64:0:5", Input((3,), "int64", 0, 5)),
        ("3:-1:1e-2", Input((3,), None, -1, 0.01)),
    ],
)
def test_inputs_are_read(text: str, expected: Input) -> None:
    assert read_input(text) == expected


@pytest.mark.parametrize("text", ["", ",", "3,,4", "-1", "3,-4", "x", "3:0:1:2", "3:int64:a:b", "3:int64:0:1:2", "1.5"])
def test_what_is_no_input(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an input|is none of the dtypes"):
        read_input(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n=3", ("n", 3)),
        ("dim=(0, 1)", ("dim", (0, 1))),
        ("keepdim=True", ("keepdim", True)),
        ("out=None", ("out", None)),
        ("reduction=sum", ("reduction", "sum")),
        ("name=", ("name", "")),
        ("a=b=c", ("a", "b=c")),
    ],
)
def test_parameters_are_read(text: str, expected: tuple[str, Any]) -> None:
    assert read_param(text) == expected


PAGE = (ROOT / "docs" / "checking-your-own-op.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```bash\ntinygrad-edu gradcheck ([^\n]*)\n```\n```text\n(.*?)```", PAGE, re.S)


def test_the_documents_have_commands() -> None:
    assert len(COMMANDS) == PAGE.count("\ntinygrad-edu gradcheck ") > 0


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_the_commands_of_the_documents_print_what_they_say(
    folder: Path, command: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = re.findall(r"With this in `my_op.py`:\n\n```py\n(.*?)```", PAGE, re.S)
    (folder / "my_op.py").write_text(source)
    assert run(*shlex.split(command)) == ("WRONG" in output)
    assert capsys.readouterr().out == output
