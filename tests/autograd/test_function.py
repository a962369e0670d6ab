"""Custom ops as autograd.Function, with everything that ctx offers."""

from __future__ import annotations

import pytest

import tinygrad_edu as tg
from tinygrad_edu.autograd import Function, once_differentiable


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class ProductAndSum(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b, a + b

    @staticmethod
    def backward(ctx, g_product, g_sum):
        a, b = ctx.saved_tensors
        return g_product * b + g_sum, g_product * a + g_sum


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), requires_grad=True)


def test_gradient_and_second_derivative() -> None:
    x = leaf(2.0)
    (g,) = tg.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    g.sum().backward()
    assert (g.item(), x.grad.item()) == (12.0, 12.0)


def test_several_outputs() -> None:
    a, b = leaf(2.0), leaf(3.0)
    product, total = ProductAndSum.apply(a, b)
    (product * total).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (3 * 5 + 6, 2 * 5 + 6)
    assert repr(product).endswith("grad_fn=<ProductAndSumBackward>)")


def test_unused_output_arrives_as_zeros() -> None:
    a, b = leaf(2.0), leaf(3.0)
    ProductAndSum.apply(a, b)[0].sum().backward()
    assert (a.grad.item(), b.grad.item()) == (3.0, 2.0)


def test_unused_output_arrives_as_none_when_asked() -> None:
    arrived = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, g1, g2):
            arrived.append((g1, g2))
            return g1

    x = leaf(1.0)
    Two.apply(x)[0].sum().backward()
    assert arrived[0][1] is None


def test_needs_input_grad_says_who_wants_one() -> None:
    seen = []

    class Mul(Function):
        @staticmethod
        def forward(ctx, a, b, factor):
            return a * b * factor

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return g, None, None

    Mul.apply(leaf(1.0), tg.tensor([2.0]), 3.0).sum().backward()
    assert seen == [(True, False, False)]


def test_non_differentiable_output() -> None:
    class Largest(Function):
        @staticmethod
        def forward(ctx, x):
            index = x.argmax()
            ctx.mark_non_differentiable(index)
            ctx.index = int(index)
            return x[ctx.index].clone(), index

        @staticmethod
        def backward(ctx, g, _):
            out = tg.zeros(3)
            out[ctx.index] = g
            return out

    x = leaf(1.0, 5.0, 2.0)
    value, index = Largest.apply(x)
    assert not index.requires_grad
    value.backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_setup_context_form() -> None:
    class Square(Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = leaf(3.0)
    Square.apply(x).sum().backward()
    assert x.grad.item() == 6.0


def test_saved_output_keeps_the_graph_for_second_derivatives() -> None:
    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    x = leaf(0.0)
    (g,) = tg.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), x, create_graph=True)
    assert (g.item(), h.item()) == (1.0, 1.0)


def test_saved_tensor_changed_in_place_is_noticed() -> None:
    x = leaf(2.0) * 1
    y = Cube.apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match=r"CubeBackward saved a tensor.*since add_"):
        y.sum().backward()


def test_backward_twice_raises() -> None:
    y = Cube.apply(leaf(2.0)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_once_differentiable_raises_at_the_second_derivative() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = leaf(3.0)
    (g,) = tg.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    assert g.item() == 6.0
    with pytest.raises(RuntimeError, match=r"differentiate twice a function that was marked with @once_differentiable"):
        g.sum().backward()


def test_mark_dirty_records_a_write() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.array *= 2
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(3.0)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    z.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([6.0], [2.0])
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        Double.apply(leaf(1.0))


def test_returning_an_input_gives_a_new_tensor() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = leaf(3.0)
    y = Same.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [5.0]


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ((1, 2), RuntimeError, "incorrect number of gradients .expected 1, got 2"),
        (3.0, RuntimeError, "expected Variable or None .got float"),
    ],
)
def test_wrong_return_is_refused(returned, error, message) -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return returned

    with pytest.raises(error, match=message):
        Wrong.apply(leaf(1.0)).sum().backward()


def test_gradient_of_a_wrong_shape_is_refused() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return tg.ones(5)

    with pytest.raises(RuntimeError, match=r"WrongBackward returned an invalid gradient: got \[5\].*\[2\]"):
        Wrong.apply(leaf(1.0, 2.0)).sum().backward()


def test_save_for_backward_takes_tensors_only() -> None:
    class Saves(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)
            return x

    with pytest.raises(TypeError, match="save_for_backward can only save variables"):
        Saves.apply(leaf(1.0))


def test_missing_parts_say_so() -> None:
    class Nothing(Function):
        pass

    with pytest.raises(NotImplementedError, match="forward function"):
        Nothing.apply(leaf(1.0))


def test_no_grad_records_nothing() -> None:
    with tg.no_grad():
        assert not Cube.apply(leaf(1.0)).requires_grad
