"""What dropout computes, once its mask is drawn: nothing here is random."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Case, Cases, Draw, Error
from ..op import op
from .softmax import require_float

__all__ = ["masked_scale"]

Array = np.ndarray[Any, Any]


@op(
    vjps=(lambda g, _out, _x, mask, scale: _again(g, mask, scale), None),
    cases=Cases(
        Case((Draw((2, 3)), Draw((2, 3), kind="bool"), 2.0)),
        Case((Draw((2, 3, 2)), Draw((2, 3, 1), kind="bool")), {"scale": 1.25}),
        Case((Draw(()), np.array(True), 4.0)),
        Case(
            (np.array([np.inf, np.nan, -1.0, -1.0]), np.array([True, False, False, True]), 2.0),
            smooth=False,
        ),
        Case((Draw((0, 3)), Draw((0, 3), kind="bool"), 2.0)),
        errors=[Error((np.array([1, 2]), np.array([True, False]), 2.0), {}, NotImplementedError, "'Long'")],
        torch=lambda torch, inputs, params: inputs[0] * (inputs[1] * (inputs[2:] or list(params.values()))[0]),
    ),
    register=True,
)
@np.errstate(invalid="ignore")
def masked_scale(input: Array, mask: Array, scale: float = 1.0) -> Array:
    """Multiply by ``scale`` where the mask is True and by 0 elsewhere.

    Parameters
    ----------
    input : (*,) floating
        The values.
    mask : (*,) bool
        Which to keep; it broadcasts against the input. What is saved for the backward pass is this
        byte per element.
    scale : float
        The factor of what is kept, ``1 / (1 - p)`` in dropout.

    Returns
    -------
    (*,)

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: A Simple
    Way to Prevent Neural Networks from Overfitting", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> masked_scale(np.array([1.0, 2.0]), np.array([True, False]), 2.0)
    array([2., 0.])
    """
    require_float("masked_scale", input)
    factor = np.multiply(mask, input.dtype.type(scale))
    if np.shape(factor) != input.shape:
        return np.asarray(input * factor)
    factor *= input
    return np.asarray(factor)


def _again(g: Any, mask: Any, scale: float) -> Any:
    """Treat the gradient as the input was: the op is linear, and its own derivative."""
    return masked_scale(g, mask, scale)
