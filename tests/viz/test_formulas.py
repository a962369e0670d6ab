"""The text of a derivative is that of the op's definition, with the op's own names."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import OPS, op
from tinygrad_edu.viz.formulas import derivatives, summary_line


def test_derivatives_have_the_names_of_the_ops_signature() -> None:
    assert derivatives(OPS["mul"]) == ("g * other", "g * input")
    assert derivatives(OPS["exp"]) == ("g * out",)
    assert derivatives(OPS["reshape"]) == ("reshape(g, input.shape)",)
    assert derivatives(OPS["div"])[0].startswith("g / other")


def test_every_op_of_the_package_has_the_text_of_its_derivatives() -> None:
    for name, found in OPS.items():
        vjps = [found.vjps] if callable(found.vjps) else found.vjps
        assert [text != "" for text in derivatives(found)] == [vjp is not None for vjp in vjps], name


def _named(g: Any, _out: Any, x: Any) -> Any:
    """Multiply by three squares."""
    return g * 3 * x * x


def _silent(g: Any, _out: Any, x: Any) -> Any:
    return g * 3 * x * x


def test_an_op_of_the_user() -> None:
    @op(vjps=(lambda g, _out, a, b: g * a.shape[0] * b, lambda g, out, a, _b: g * out + a))
    def both(left: Any, right: Any) -> Any:
        return left * right

    assert derivatives(both) == ("g * left.shape[0] * right", "g * out + left")


def test_two_lambdas_on_a_line_are_told_apart() -> None:
    # fmt: off
    @op(vjps=(lambda g, _out, _x, y: g * y, lambda g, _out, x, _y: g * x))
    def times(x: Any, y: Any) -> Any:
        return x * y
    # fmt: on

    assert derivatives(times) == ("g * y", "g * x")


def test_a_function_gives_its_name_and_what_it_says() -> None:
    cube = op(vjps=(_named,))(lambda x: x * x * x)
    quiet = op(vjps=(_silent,))(lambda x: x * x * x)
    assert derivatives(cube) == ("_named: Multiply by three squares.",)
    assert derivatives(quiet) == ("_silent",)


def test_source_that_is_not_there() -> None:
    names: dict[str, Any] = {"op": op, "np": np}
    exec("f = op(vjps=(lambda g, _out, x: g * x,))(np.square.__call__ if 0 else (lambda x: x * x / 2))", names)
    assert derivatives(names["f"]) == ("a lambda",)


def test_summary_line() -> None:
    assert summary_line(_named) == "Multiply by three squares."
    assert summary_line(_silent) == ""
