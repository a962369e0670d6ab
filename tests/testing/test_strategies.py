"""What the strategies draw: valid inputs only, all kinds of them, and the simplest first."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from support.repository import ROOT
from tinygrad_edu.cases import Case, Cases, Draw, Elementwise, Reduction
from tinygrad_edu.op import Composite
from tinygrad_edu.testing import strategies

S = strategies
F = tg.nn.functional
POINTS = st.lists(st.integers(-20, 20).map(lambda k: k / 10), max_size=3)


def simplest(strategy: Any, condition: Callable[[Any], Any] = lambda value: True) -> Any:
    """Draw until the condition holds, and shrink."""
    quiet = settings(max_examples=3000, database=None, derandomize=True)
    return hypothesis.find(strategy, condition, settings=quiet)


def draws(strategy: Any, count: int = 300) -> list[Any]:
    """Draw many values, always the same."""
    found: list[Any] = []

    @settings(max_examples=count, database=None, derandomize=True)
    @given(strategy)
    def note(value: Any) -> None:
        found.append(value)

    note()
    return found


# ---- numbers


@given(st.data(), st.integers(-30, 30), st.integers(1, 40), POINTS)
def test_elements_stay_in_bounds_and_away_from_kinks(data: Any, low: int, width: int, points: list[float]) -> None:
    x = data.draw(S.elements(low / 10, (low + width) / 10, points, distance=0.05) | S.elements())
    assert -3 <= x <= 7
    assert round(x, 4) == x  # few digits
    y = data.draw(S.elements(-10, 10, points, distance=0.5))
    assert all(abs(y - point) > 0.499 for point in points)


@pytest.mark.parametrize(
    ("strategy", "condition", "found"),
    [
        (S.elements(), lambda x: True, 1.0),
        (S.elements(), lambda x: x < 0, -1.0),
        (S.elements(), lambda x: x < 1, -1.0),
        (S.elements(), lambda x: 0 < x < 1, 0.5),
        (S.elements(avoid=[0]), lambda x: abs(x) < 0.4, 0.1),
        (S.elements(avoid=[1, -1]), lambda x: True, 2.0),
        (S.elements(avoid=[1], distance=0.01), lambda x: abs(x - 1) < 0.05, 0.96),
        (S.elements(0.15, 0.85), lambda x: True, 0.5),
        (S.elements(3.21, 3.24), lambda x: True, 3.21),
        (S.elements(0.5, 0.5), lambda x: True, 0.5),
        (S.elements(-1e6, 1e6), lambda x: True, 1.0),
        (S.elements(0, 1e-3), lambda x: True, 0.0),
    ],
)
def test_elements_shrink_to_the_simplest_that_fails(strategy: Any, condition: Any, found: float) -> None:
    assert simplest(strategy, condition) == found


def test_a_hundred_numbers_are_there_for_every_range() -> None:
    for low, high in [(-2, 2), (0.2, 0.8), (3.2, 3.5), (-60, 60), (0, 1e-3), (-1e6, 1e6)]:
        assert len(set(draws(S.elements(low, high)))) > 60, (low, high)


def test_no_number_left() -> None:
    with pytest.raises(ValueError, match=r"no number from 0 to 0\.1 keeps a distance of 0\.1 from \[0\.05\]"):
        S.elements(0, 0.1, avoid=[0.05])


@given(st.data(), st.integers(1, 5), S.shapes(0, 2, 0, 3), st.booleans())
def test_integers_below(data: Any, n: int, shape: tuple[int, ...], negative: bool) -> None:
    index = data.draw(S.integers_below(n, shape, negative))
    assert (index.shape, index.dtype) == (shape, np.int64)
    assert ((index >= (-n if negative else 0)) & (index < n)).all()


def test_integers_below_repeat_positions_and_take_strategies_for_shapes() -> None:
    repeated = simplest(S.integers_below(5, S.shapes(1, 1)), lambda index: len(set(index.tolist())) < index.size)
    assert repeated.tolist() == [0, 0]
    assert simplest(S.integers_below(0, (0, 2))).shape == (0, 2)


# ---- shapes


@given(S.shapes(1, 2, 2, 3))
def test_shapes(shape: tuple[int, ...]) -> None:
    assert 1 <= len(shape) <= 2
    assert set(shape) <= {2, 3}


@given(st.integers(1, 3).flatmap(lambda n: S.broadcastable_shapes(n, min_side=0)))
def test_broadcastable_shapes(shapes: tuple[tuple[int, ...], ...]) -> None:
    assert len(np.broadcast_shapes(*shapes)) == max(map(len, shapes))


def test_every_way_to_broadcast_is_drawn() -> None:
    found = draws(S.broadcastable_shapes(2, min_side=0), 1000)
    pairs = {*found, *[(b, a) for a, b in found]}
    assert any(a == b and len(a) == 2 and min(a) > 1 for a, b in pairs)
    assert any(len(a) == 3 and len(b) == 2 and a[1] == b[0] > 1 and b[1] == 1 < a[2] for a, b in pairs)
    assert any(len(a) == len(b) == 2 and a[0] == b[1] == 1 < min(a[1], b[0]) for a, b in pairs)
    assert any(len(a) == 3 and b == () for a, b in pairs)
    assert any(0 in a and b == (1,) for a, b in pairs)


@given(st.data(), S.shapes())
def test_dims_are_valid(data: Any, shape: tuple[int, ...]) -> None:
    dim = data.draw(S.dims(len(shape)))
    x = tg.zeros(shape)
    x.sum() if dim is None else x.sum(dim)
    assert isinstance(data.draw(S.dims(len(shape), none=False, several=False)), int)


def test_every_kind_of_dim_is_drawn() -> None:
    assert simplest(S.dims(2)) is None
    assert simplest(S.dims(2, none=False)) == 0
    assert {-2, 1, (1, 0), (-1,), (0, -1), None} <= set(draws(S.dims(2)))


# ---- memory


def axes_of(array: np.ndarray) -> list[int]:
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


HOW = {
    "contiguous": lambda a: a.flags.c_contiguous,
    "transposed": lambda a: axes_of(a) == [0, 2, 1],
    "fortran": lambda a: a.flags.f_contiguous,
    "strided": lambda a: a.strides[-1] == 2 * a.itemsize,
    "reversed": lambda a: max(a.strides) < 0,
}


@pytest.mark.parametrize("layout", S.LAYOUTS)
def test_layout(layout: str) -> None:
    @given(S.arrays((2, 3, 4), layout=layout, distinct=True))
    def drawn(array: np.ndarray) -> None:
        assert HOW[layout](array)
        assert np.unique(array).size == 24

    drawn()
    simplest(S.arrays((2, 3, 4)), HOW[layout])  # it is among "any"
    small: set[tuple[int, ...]] = set()
    given(S.tensors(S.shapes(0, 2, 0, 2), layout=layout))(lambda t: small.add(t.shape))()
    assert {(), (0,), (2,)} <= small


def test_layout_that_is_none() -> None:
    with pytest.raises(ValueError, match="layout='diagonal' is none of"):
        simplest(S.arrays(layout="diagonal"))


@given(
    S.tensors(dtype=np.float32) | S.tensors(3, requires_grad=False) | S.tensors((2,), np.int64) | S.tensors((), bool)
)
def test_tensors(t: Any) -> None:
    assert isinstance(t, tg.Tensor)
    assert t.requires_grad == (t.dtype == np.float32)
    assert t.is_leaf
    assert t.shape == {np.dtype(np.float64): (3,), np.dtype(np.int64): (2,), np.dtype(bool): ()}.get(t.dtype, t.shape)


def test_tensors_shrink_to_few_ones_in_plain_memory() -> None:
    smallest = simplest(S.tensors())
    assert smallest.shape == ()
    assert smallest.item() == 1.0
    square = simplest(S.tensors(), lambda t: t.ndim == 2 and min(t.shape) > 1)
    assert square.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert square.numpy(force=True).flags.c_contiguous


@given(S.broadcastable(3, distinct=True, max_side=3) | S.broadcastable(2, distinct=True, layout="contiguous"))
def test_distinct_holds_for_all_tensors_together(tensors: Any) -> None:
    values = np.concatenate([t.detach().numpy().ravel() for t in tensors])
    assert np.unique(values).size == values.size


# ---- groups


@given(S.broadcastable(2, elements=[S.elements(0, 1), S.elements(5, 6)], dtype=np.float32, requires_grad=False))
def test_broadcastable(tensors: Any) -> None:
    x, y = tensors
    assert (y - x).min() >= 4
    assert x.dtype == np.float32
    assert not x.requires_grad


@given(S.matmul_operands(min_side=0))
def test_matmul_operands(operands: Any) -> None:
    x, y = operands
    assert (x @ y).shape == np.matmul(x.detach().numpy(), y.detach().numpy()).shape


def test_every_signature_of_matmul_is_drawn() -> None:
    seen = {(x.ndim, y.ndim) for x, y in draws(S.matmul_operands(max_side=1), 3000)}
    assert seen == {(a, b) for a in range(1, 5) for b in range(1, 5)}


@given(S.reductions(S.shapes(max_side=3)))
def test_reductions(call: S.Arguments) -> None:
    (x,) = call.args
    reduced = np.sum(x.detach().numpy(), axis=call.kwargs["dim"] if x.ndim else None, keepdims=call.kwargs["keepdim"])
    assert x.sum(**call.kwargs).shape == reduced.shape


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_conv_geometries_have_a_window(dims: int) -> None:
    @given(S.conv_geometries(dims, max_kernel=4, max_stride=3, max_padding=3))
    def drawn(g: S.ConvGeometry) -> None:
        lead, sizes = g.input[:-dims], g.input[-dims:]
        assert lead[-1] == g.weight[1] * g.groups
        assert g.weight[0] % g.groups == 0
        for size, kernel, padding, dilation in zip(sizes, g.weight[2:], g.padding, g.dilation):
            assert size >= 1
            assert size + 2 * padding >= dilation * (kernel - 1) + 1

    drawn()
    smallest = simplest(S.conv_geometries(dims))
    assert {*smallest.input, *smallest.weight, *smallest.stride, *smallest.dilation, smallest.groups} == {1}
    assert set(smallest.padding) == {0}


def left_over(g: S.ConvGeometry) -> bool:
    """Tell whether the last entries of a sequence are in no window."""
    return (g.input[-1] + 2 * g.padding[0] - g.dilation[0] * (g.weight[-1] - 1) - 1) % g.stride[0] > 0


def test_every_kind_of_convolution_is_drawn() -> None:
    found = draws(S.conv_geometries(1))
    assert any(map(left_over, found))
    assert {len(g.input) for g in found} == {2, 3}
    assert {(g.groups, g.padding, g.stride, g.dilation) for g in found} >= {
        (2, (1,), (2,), (2,)),
        (1, (0,), (2,), (1,)),
    }
    assert {g.weight[-1] for g in found} == {1, 2, 3}


@given(S.convolutions(2))
def test_convolutions(call: S.Arguments) -> None:
    x, weight, bias = call.args
    assert F.conv2d(x, weight, bias, **call.kwargs).shape[-3] == weight.shape[0]


# ---- indices


@given(st.data(), S.shapes(min_side=0))
def test_indices_are_valid(data: Any, shape: tuple[int, ...]) -> None:
    x = tg.rand(shape, requires_grad=True)
    x[data.draw(S.indices(shape))].sum().backward()
    assert x[data.draw(S.indices(shape, new_axes=False, advanced=False))].ndim <= len(shape)


def kinds_of(index: Any) -> str:
    """Name the parts of an index: "int slice", "int64[2]", "bool[1]" ..."""
    parts = index if isinstance(index, tuple) else (index,)
    return " ".join(f"{p.dtype}[{p.ndim}]" if isinstance(p, np.ndarray) else type(p).__name__ for p in parts)


def test_every_kind_of_index_is_drawn() -> None:
    found = draws(S.indices((2, 3)), 2000)
    kinds = set(map(kinds_of, found))
    assert kinds >= {
        "",
        "int",
        "slice",
        "NoneType",
        "ellipsis",
        "int int",
        "slice slice",
        "ellipsis int",
        "NoneType int",
    }
    assert kinds >= {"int ellipsis int", "int64[1]", "int64[2]", "int64[1] int64[1]", "slice int64[1]", "bool[2]"}
    assert kinds >= {"bool[1]", "int bool[1]", "bool[0]"}
    arrays = [i.ravel().tolist() for i in found if isinstance(i, np.ndarray) and i.dtype == np.int64]
    assert any(len(set(a)) < len(a) for a in arrays)
    assert any(min(a) < 0 for a in arrays)
    basic = set(map(kinds_of, draws(S.indices((2, 3), new_axes=False, advanced=False), 200)))
    assert "slice" in basic
    assert not any("[" in kind or "NoneType" in kind for kind in basic)


# ---- calls from an op's cases


def drawn_from(cases: Any, function: Any = None, **options: Any) -> list[S.Arguments]:
    """Draw many calls of an op with some cases."""
    op = Composite(function or (lambda *_args, **_params: np.zeros(1)), cases)
    return draws(S.calls(op, **options), 150)


def values_of(calls: list[S.Arguments]) -> np.ndarray:
    return np.concatenate([np.ravel(t.detach().numpy()) for call in calls for t in call.args])


def test_calls_of_elementwise_cases() -> None:
    cases = Elementwise(2, low=-1, high=0.5, avoid=[0], params=[{}, {"a": 1}])
    calls = drawn_from(cases)
    shapes = {tuple(t.shape for t in call.args) for call in calls}
    assert len(shapes) > 25
    assert any(0 in a for a, _ in shapes)
    for a, b in shapes:
        np.broadcast_shapes(a, b)
    assert {str(call.kwargs) for call in calls} == {"{}", "{'a': 1}"}
    values = values_of(calls)
    assert values.min() == -1.0
    assert values.max() == 0.5
    assert np.abs(values).min() == 0.1
    assert set(values_of(drawn_from(cases, kinks=True))) == {-1, -0.5, 0, 0.5, -0.1, 0.1, 0.2, -0.2, 0.3}
    assert {t.dtype for call in drawn_from(cases, dtype=np.float32) for t in call.args} == {np.dtype(np.float32)}
    layouts = [drawn_from(cases, layout=layout) for layout in ("contiguous", "any")]
    assert [all(t.is_contiguous() for call in calls for t in call.args) for calls in layouts] == [True, False]


def ties(calls: list[S.Arguments]) -> int:
    return sum(np.unique(v := values_of([call])).size < v.size for call in calls)


def test_calls_without_ties() -> None:
    for cases in (
        Elementwise(2, distinct=True),
        Reduction(kind="distinct"),
        Cases(Case((Draw((8,), kind="distinct"),))),
    ):
        assert ties(drawn_from(cases)) == 0
        assert ties(drawn_from(cases, kinks=True)) > 0


def test_calls_of_reductions() -> None:
    calls = drawn_from(Reduction(low=1, high=2, params=[{"ord": 1}]))
    assert {type(call.kwargs.get("dim")) for call in calls} == {int, tuple, type(None)}
    assert {call.kwargs.get("keepdim") for call in calls} == {None, True, False}
    assert {call.kwargs["ord"] for call in calls} == {1}
    assert any(call.args[0].numel() == 0 for call in calls)
    values = values_of(calls)
    assert 1 <= values.min() < values.max() <= 2
    one = drawn_from(Reduction(dims=("one",), empty=False, keepdim=False))
    assert {type(call.kwargs["dim"]) for call in one} == {int}
    assert all(call.args[0].numel() and "keepdim" not in call.kwargs for call in one)


def shapes_of(calls: list[S.Arguments]) -> set[Any]:
    return {tuple(np.shape(t) for t in call.args) for call in calls}


def test_calls_of_other_cases_keep_equal_sizes_equal() -> None:
    found = shapes_of(drawn_from(Cases(Case((Draw((2, 3)), Draw((3, 4))))), np.matmul))
    assert len(found) > 20
    assert all(a[1] == b[0] for a, b in found)


def only_six(x: Any, **_params: Any) -> Any:
    if np.size(x) != 6:
        raise RuntimeError("six")
    return x


@pytest.mark.parametrize(
    ("case", "function"),
    [
        (Case((Draw((2, 3)),), {"shape": (6,)}), None),
        (Case((Draw((2, 3)), 2)), None),
        (Case((Draw((2, 3)), np.array([1, 1]))), None),
        (Case((Draw((2, 3)),)), only_six),
        (Case((Draw((2, 3)),)), lambda x: np.array(0.0 if np.shape(x) == (2, 3) else np.nan)),
    ],
)
def test_calls_keep_sizes_that_cannot_change(case: Case, function: Any) -> None:
    assert {shapes[0] for shapes in shapes_of(drawn_from(Cases(case), function))} <= {(2, 3), (3, 2), (1, 6), (6, 1)}


def test_calls_with_dims_can_change() -> None:
    assert len(shapes_of(drawn_from(Cases(Case((Draw((2, 3)),), {"dim": (0, -2), "keepdim": True}))))) > 8


def test_calls_of_any_kind_of_input() -> None:
    given_array = np.array([0.25, 0.5])
    inputs = (
        (Draw((2,), 0.5, 1), Draw((3,), 0, 9, kind="int")),
        Draw((4,), kind="bool"),
        None,
        1.5,
        given_array,
    )
    for call in drawn_from(Cases(Case(inputs, smooth=True), Case((Draw((99,)),), smooth=False))):
        (x, n), mask, nothing, number, array = call.args
        assert (x.dtype, n.dtype, mask.dtype) == (np.float64, np.int64, np.bool_)
        assert x.min() >= 0.5
        assert 0 <= n.min() <= n.max() < 9
        assert (nothing, number) == (None, 1.5)
        assert array is given_array
        assert [t.requires_grad for t in (x, n, mask)] == [True, False, False]


def test_calls_of_an_op_without_derivative() -> None:
    cases = Cases(Case((Draw((2,), kind="int"),)), Case((Draw((2,)),), smooth=False))
    with pytest.raises(ValueError, match="none of the cases of <lambda> is smooth"):
        drawn_from(cases)


# ---- without hypothesis


def test_a_missing_hypothesis_is_named_with_the_extra() -> None:
    program = """
        import sys
        sys.modules["hypothesis"] = None
        import numpy as np
        from tinygrad_edu.testing import check_gradients, check_gradients_given, strategies

        assert check_gradients(lambda x: x * x, np.array(1.0)).ok
        for use in (strategies.tensors, strategies.elements, lambda: check_gradients_given(x=1)):
            try:
                use()
            except ImportError as error:
                print(error)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=True, capture_output=True)
    assert ran.stdout.decode().count('pip install "tinygrad-edu[test]"') == 3
