"""Activation functions as layers: they have no parameters, but for PReLU."""

from __future__ import annotations

from typing import Any

from ..creation import full
from ..tensor import Tensor
from . import functional as F
from . import init as initialise
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _Activation(Module):
    """An activation whose text shows the attributes named in ``shown``, and ``inplace`` if set."""

    shown: tuple[str, ...] = ()
    inplace = False

    def extra_repr(self) -> str:
        """Show the parameters."""
        parts = [f"{name}={getattr(self, name)!r}" for name in self.shown]
        return ", ".join([*parts, "inplace=True"] if self.inplace else parts)


class _InplaceActivation(_Activation):
    """An activation whose one parameter says whether it writes into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class ReLU(_InplaceActivation):
    """Element by element ``max(x, 0)``.

    References
    ----------
    Nair, Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.relu(input, self.inplace)


class ReLU6(_InplaceActivation):
    """Element by element ``min(max(x, 0), 6)``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.relu6(input, self.inplace)


class SELU(_InplaceActivation):
    """Element by element ``scale * (x if x > 0 else alpha * (exp(x) - 1))``, with fixed constants.

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-Normalizing Neural Networks", 2017.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.selu(input, self.inplace)


class SiLU(_InplaceActivation):
    """Element by element ``x * sigmoid(x)``.

    References
    ----------
    Elfwing, Uchibe, Doya, "Sigmoid-Weighted Linear Units for Neural Network Function Approximation
    in Reinforcement Learning", 2017.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.silu(input, self.inplace)


class Mish(_InplaceActivation):
    """Element by element ``x * tanh(softplus(x))``.

    References
    ----------
    Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.mish(input, self.inplace)


class Hardswish(_InplaceActivation):
    """Element by element ``x * min(max(x + 3, 0), 6) / 6``.

    References
    ----------
    Howard and others, "Searching for MobileNetV3", 2019.
    """

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.hardswish(input, self.inplace)


class Hardsigmoid(_InplaceActivation):
    """Element by element ``min(max(x + 3, 0), 6) / 6``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.hardsigmoid(input, self.inplace)


class LeakyReLU(_Activation):
    """Element by element ``x if x > 0 else negative_slope * x``.

    Parameters
    ----------
    negative_slope : float
        The slope below zero.
    inplace : bool
        Whether to write into the input.
    """

    shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class ELU(_Activation):
    """Element by element ``x if x > 0 else alpha * (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float
        The limit at minus infinity is ``-alpha``.
    inplace : bool
        Whether to write into the input.

    References
    ----------
    Clevert, Unterthiner, Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear
    Units", 2015.
    """

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.elu(input, self.alpha, self.inplace)


class CELU(_Activation):
    """Element by element ``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``.

    Parameters
    ----------
    alpha : float
        The limit at minus infinity is ``-alpha``; the slope at 0 is 1 for any.
    inplace : bool
        Whether to write into the input.

    References
    ----------
    Barron, "Continuously Differentiable Exponential Linear Units", 2017.
    """

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.celu(input, self.alpha, self.inplace)


class Threshold(_Activation):
    """Element by element ``x if x > threshold else value``."""

    shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.threshold(input, self.threshold, self.value, self.inplace)


class Hardtanh(_Activation):
    """Element by element ``min(max(x, min_val), max_val)``.

    Parameters
    ----------
    min_val, max_val : float
        The range that is linear.
    inplace : bool
        Whether to write into the input.

    Raises
    ------
    AssertionError
        If the range is empty.
    """

    shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if max_val <= min_val:
            raise AssertionError(f"max_val must be larger than min_val, got min_val={min_val} and max_val={max_val}")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class GELU(_Activation):
    """Element by element ``x * Phi(x)``, with Phi the normal distribution function.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        Exact, or by the hyperbolic tangent.

    References
    ----------
    Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016.
    """

    shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.gelu(input, self.approximate)


class Softplus(_Activation):
    """Element by element ``log(1 + exp(beta * x)) / beta``; ``x`` where that is nearly the same."""

    shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.softplus(input, self.beta, self.threshold)


class Sigmoid(Module):
    """Element by element ``1 / (1 + exp(-x))``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.sigmoid(input)


class Tanh(Module):
    """Element by element the hyperbolic tangent."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.tanh(input)


class LogSigmoid(Module):
    """Element by element ``log(1 / (1 + exp(-x)))``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.logsigmoid(input)


class Softsign(Module):
    """Element by element ``x / (1 + |x|)``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.softsign(input)


class Tanhshrink(Module):
    """Element by element ``x - tanh(x)``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.tanhshrink(input)


class _Shrink(Module):
    """What the two shrinking functions share."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Show the bound."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """Element by element ``x if |x| > lambd else 0``."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """Element by element: ``lambd`` nearer to 0, and 0 for what is nearer than that."""

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.softshrink(input, self.lambd)


class PReLU(Module):
    """Element by element ``x if x > 0 else weight * x``, with a weight that is learned.

    Parameters
    ----------
    num_parameters : int
        1, or one slope per channel (axis 1).
    init : float
        The first slope.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the weight.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Give the weight its first value again."""
        initialise.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Any:
        """Map ``(*)`` to ``(*)``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Show the number of slopes."""
        return f"num_parameters={self.num_parameters}"
