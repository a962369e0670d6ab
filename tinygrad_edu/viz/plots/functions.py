"""Activation functions with their derivatives, which autograd computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...autograd import grad, inference_mode, no_grad
from ...creation import tensor
from ...nn import functional
from .canvas import add_legend, add_title, flat_axes, root_figure
from .theme import Theme, choose_theme, style_axes
from .undisturbed import evaluating

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["activations", "curve_and_derivative"]

USUAL = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh")
_COLUMNS = 4


def activations(
    functions: Iterable[str] | Mapping[str, Callable[[Any], Any]] | str = USUAL,
    *,
    low: float = -4.0,
    high: float = 4.0,
    points: int = 801,
    figure: Figure | SubFigure | None = None,
    dark: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw activation functions, and their derivatives as autograd computes them.

    Parameters
    ----------
    functions : str, iterable of str, or mapping of str to callable
        Names in ``nn.functional``; or titles and functions of a Tensor that work element by element, modules such as
        ``nn.Tanh()`` included.
    low, high : float
        Where the axis begins and ends.
    points : int
        At how many places the functions are computed; an odd number meets 0 in a symmetric range.
    figure : matplotlib.figure.Figure or SubFigure, optional
        Draw into this one.
    dark : bool
        Light lines on a dark page.
    title : str, optional
        Over all.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a name is not in ``nn.functional``, there is none, the range is empty, or a function does not work element
        by element.
    ImportError
        If matplotlib is not installed.
    """
    named = _named(functions)
    if not (low < high and points >= 2):
        raise ValueError(f"activations: low={low}, high={high}, points={points} is no range; it needs low < high.")
    theme, x = choose_theme(dark), np.linspace(low, high, points)
    flat = flat_axes("activations", figure, theme, len(named), _COLUMNS, (2.4, 2.2), 4.4)
    for ax, (name, function) in zip(flat, named.items()):
        _draw(ax, x, *curve_and_derivative(name, function, x), theme)
        ax.set_title(name)
        style_axes(ax, theme, grid=True)
    add_legend(flat[0], theme)
    add_title(flat[0], title, theme)
    return root_figure(flat[0])


def _named(functions: Any) -> dict[str, Callable[[Any], Any]]:
    if isinstance(functions, Mapping):
        named = dict(functions)
    else:
        names = [functions] if isinstance(functions, str) else list(functions)
        for name in names:
            if name not in functional.__all__:
                raise ValueError(
                    f"activations: nn.functional has no {name!r}; give {{'title': function}} for your own."
                )
        named = {name: getattr(functional, name) for name in names}
    if not named:
        raise ValueError("activations: no function to draw; name at least one.")
    return named


def curve_and_derivative(
    name: str, function: Callable[[Any], Any], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute a function and its derivative at every place (n,).

    Raises
    ------
    ValueError
        If the function does not work element by element.

    Examples
    --------
    >>> y, slope = curve_and_derivative("square", lambda x: x * x, np.array([-1.0, 0.0, 3.0]))
    >>> y, slope
    (array([1., 0., 9.]), array([-2.,  0.,  6.]))
    """
    with evaluating(function), inference_mode(False):
        place = tensor(x, requires_grad=True)
        value = function(place)
        if tuple(value.shape) != x.shape or not _is_elementwise(function, x, value.detach().array):
            raise ValueError(f"activations: {name!r} does not work element by element, so it is no curve over x.")
        # The sum's gradient is the derivative at each place: no entry touches another.
        slope = grad(value.sum(), place, allow_unused=True, materialize_grads=True)[0] if value.requires_grad else None
    derivative = np.zeros_like(x) if slope is None else slope.array
    return value.detach().array.astype(float), derivative.astype(float)


def _is_elementwise(function: Callable[[Any], Any], x: NDArray[np.float64], y: NDArray[Any]) -> bool:
    """Compare with the first half alone: softmax, for one, gives other numbers for it."""
    half = len(x) // 2
    with no_grad():
        alone = function(tensor(x[:half])).array
    return np.allclose(alone, y[:half], equal_nan=True)


def _draw(ax: Axes, x: Any, y: Any, slope: Any, theme: Theme) -> None:
    ax.axhline(0, color=theme.faint, linewidth=1)
    ax.axvline(0, color=theme.faint, linewidth=1)
    defined = np.isfinite(y)  # where the function is not, it has no derivative, whatever the formula says
    for values, dashes, color, label in ((y, "-", 0, "f(x)"), (slope, "--", 1, "f′(x)")):
        ax.plot(
            x,
            np.where(defined & np.isfinite(values), values, np.nan),
            dashes,
            color=theme.series[color],
            linewidth=2,
            label=label,
        )
