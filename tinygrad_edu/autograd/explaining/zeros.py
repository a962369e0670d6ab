"""Why an operation sends zeros back where a gradient arrives: what ``explain`` says of relu, masks, saturation.

Reads what a node keeps; of the graph around it, it knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.part import Part
from ..function import FunctionNode
from ..graph import Node
from ..marks import array_of
from .places import op_name, values_of

__all__ = ["DEAD", "usual_zero", "why_zero"]

Values = dict[str, Any]
Said = tuple[str, str]

_SCALE = "Keep what enters it smaller: scale the inputs, or start from smaller weights."
DEAD = "Try a smaller learning rate, another bias, or leaky_relu, which passes a little back everywhere."
_LIMITS = "Keep the values inside the limits, or put the limits only where no gradient is needed."
_MASK = "Check the mask: what it leaves out gets no gradient."
_EXTREME = "Only the chosen entries learn; use a mean or a softmax where all shall."

# For each op: where its derivative is 0 (from what it keeps and the number of the input), what that means, the way out.
_CLOSED: dict[str, tuple[Callable[[Values, int], Any], str, str]] = {
    "relu": (lambda v, i: v["out"] <= 0, "its input is negative or 0", DEAD),
    "leaky_relu": (lambda v, i: (v["input"] <= 0) & (v["negative_slope"] == 0), "its input is negative or 0", DEAD),
    "threshold": (lambda v, i: v["input"] <= v["threshold"], "its input is not above the threshold", _LIMITS),
    "hardtanh": (
        lambda v, i: (v["input"] <= v["min_val"]) | (v["input"] >= v["max_val"]),
        "its input is not inside the limits",
        _LIMITS,
    ),
    "clamp": (lambda v, i: _clamped(v, i), "its input is not inside the limits", _LIMITS),
    "sigmoid": (
        lambda v, i: (v["out"] == 0) | (v["out"] == 1),
        "it is saturated: its result is exactly 0 or 1",
        _SCALE,
    ),
    "tanh": (lambda v, i: np.abs(v["out"]) == 1, "it is saturated: its result is exactly -1 or 1", _SCALE),
    "softmax": (
        lambda v, i: (v["out"] == 0) | (v["out"] == 1),
        "it is saturated: its result is exactly 0 or 1",
        _SCALE,
    ),
    "masked": (lambda v, i: ~np.asarray(v["mask"], bool), "the mask is False", _MASK),
    "masked_scale": (
        lambda v, i: ~np.asarray(v["mask"], bool),
        "the mask drops the entry (dropout)",
        "Dropout draws another mask each time: look again, or call model.eval().",
    ),
    "masked_fill": (lambda v, i: np.asarray(v["mask"], bool) == (i == 0), "the mask puts the other value there", _MASK),
    "where": (
        lambda v, i: np.asarray(v["condition"], bool) == (i == 2),
        "the condition takes the other branch",
        "Check the condition: the branch that it does not take gets no gradient.",
    ),
    "mul": (
        lambda v, i: np.asarray(v["other" if i == 0 else "input"]) == 0,
        "the other factor is 0",
        "Find out where the other factor becomes 0.",
    ),
    "maximum": (lambda v, i: _other_wins(v, i, np.less), "the other operand is larger", _EXTREME),
    "minimum": (lambda v, i: _other_wins(v, i, np.greater), "the other operand is smaller", _EXTREME),
    "abs": (
        lambda v, i: v["input"] == 0,
        "its input is 0, where the derivative is taken as 0",
        "Start elsewhere than at 0.",
    ),
    "pow": (
        lambda v, i: _flat_power(v, i),
        "its base or its exponent makes the derivative 0",
        "Start elsewhere than at 0.",
    ),
    "mse_loss": (
        lambda v, i: v["input"] == v["target"],
        "the prediction equals the target, and so there is nothing to learn",
        "Compare with a target that the model has not copied.",
    ),
}
_CLOSED["fmax"], _CLOSED["fmin"] = _CLOSED["maximum"], _CLOSED["minimum"]
_CLOSED["huber_loss"] = _CLOSED["mse_loss"]

_STEPS = ("sign", "floor", "ceil", "trunc", "round")
_PICKS = (
    *(
        "amax",
        "amin",
        "max",
        "min",
        "max_over_windows",
        "take_pixels",
        "getitem",
        "gather",
        "index_select",
        "narrow",
        "select",
    ),
    *("embedding", "diagonal", "tril", "triu", "constant_pad_nd", "nll_loss", "unfold"),
)
_WRITES = ("paste", "copy", "fill", "index_put", "index_fill", "index_copy", "scatter")
_PRODUCTS = {"linear": ("weight", "input"), "matmul": ("other", "input"), "convolution": ("weight", "input")}
_PRODUCTS |= {"contract": ("other", "input"), "div": ("other", "input")}
_LOSSES = ("native_cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits")
_NORMALIZES = ("native_batch_norm", "native_layer_norm", "native_group_norm", "softmax", "log_softmax", "var", "std")


def why_zero(node: Node, i: int, g: Any, sent: Any, all_zero: bool) -> Said | None:
    """Say why ``node`` sends zeros to its input ``i`` where ``g`` arrives, and what to do about it.

    Where it sends other numbers as well, only what is sure is said, and else nothing.
    """
    name, values = op_name(node), values_of(node)
    if isinstance(node, FunctionNode):
        what = f"the backward of this custom Function returns zeros for its input {i}"
        return (what, "Check it with autograd.gradcheck.") if all_zero else None
    if not np.size(array_of(g)):
        return "its result has no entries, so nothing comes back from it", "Check the sizes and indices before it."
    said = _of_closed(name, values, i, g, sent) or _of_steps(name, values) or _of_entries(name, i)
    if said is not None or not all_zero:
        return said or _of_dead_inputs(name, values, i)
    return _of_product(name, values, i) or _of_small(node, g) or _of_rest(name)


def usual_zero(node: Node) -> Said:
    """Say what makes such a node send zeros, as a rule: for a graph whose values are gone."""
    closed = _CLOSED.get(op_name(node))
    if closed is None:
        return "what arrives is not zero, and what it passes on is", ""
    return f"what arrives is not zero, and what it passes on is, as wherever {closed[1]}", closed[2]


def _of_closed(name: str, values: Values, i: int, g: Any, sent: Any) -> Said | None:
    if name not in _CLOSED:
        return None
    closed, what, way = _CLOSED[name]
    try:
        shut = np.asarray(closed(values, i))
    except KeyError:  # it was not kept
        return None
    arrived = np.asarray(array_of(g))
    shape = np.broadcast_shapes(shut.shape, arrived.shape)
    live = np.broadcast_to(arrived != 0, shape)
    if np.shape(array_of(sent)) == shape and not isinstance(sent, Part):
        shut = shut & (array_of(sent) == 0)
    count, of = int(np.count_nonzero(np.broadcast_to(shut, shape) & live)), int(np.count_nonzero(live))
    return (f"{_share(count, of)} {what}, so it passes nothing back there", way) if count else None


def _share(count: int, of: int) -> str:
    """Say of how many of the entries that a gradient arrives at something holds."""
    if of == 1:
        return "at the one entry that a gradient arrives at"
    return f"at all {of} entries that a gradient arrives at" if count == of else f"at {count} of the {of} entries"


def _of_steps(name: str, values: Values) -> Said | None:
    if name not in _STEPS and values.get("rounding_mode") is None:
        return None
    return (
        "it has steps, and its derivative is 0 everywhere",
        f"Leave {name} out of what is trained, or pass the gradient through: x + ({name}(x) - x).detach().",
    )


def _of_entries(name: str, i: int) -> Said | None:
    if name in _PICKS:
        return (
            "it picks some entries, and only those get a gradient",
            "Nothing is wrong if the others were not meant to be used; else check what picks them.",
        )
    if name in _WRITES and i == 0:
        return "it overwrites these entries in place, and what was there before is not used", "Write to a clone()."
    return None


def _of_product(name: str, values: Values, i: int) -> Said | None:
    if name not in _PRODUCTS or i > 1:
        return None
    other = values.get(_PRODUCTS[name][i])
    if other is None or np.any(other):
        return None
    way = "Start weights from small random numbers and not from 0."
    if i == 1:
        way = "Find out what makes it 0: often a dead relu before it."
    return f"it multiplies by its '{_PRODUCTS[name][i]}', which is 0 everywhere", way


def _of_dead_inputs(name: str, values: Values, i: int) -> Said | None:
    """Say that some inputs of a linear layer are 0 for every sample: their weights get nothing."""
    if name != "linear" or i != 1 or "input" not in values:
        return None
    x = values["input"]
    silent = int(np.count_nonzero(~np.any(x.reshape(-1, x.shape[-1]), axis=0)))
    if not silent:
        return None
    return (
        f"{silent} of its {x.shape[-1]} inputs are 0 for every sample, so their weights get nothing",
        "That is normal for pixels that are always black; else look at what makes them 0.",
    )


def _of_small(node: Node, g: Any) -> Said | None:
    """Say that a product is too small for the dtype."""
    arrived = np.abs(np.asarray(array_of(g)))
    if node.dtype is None or not arrived.size:
        return None
    limits = np.finfo(node.dtype)
    least, largest = float(limits.smallest_subnormal), float(arrived.max())
    if not 0 < largest < least / float(limits.eps) ** 2:
        return None
    return (
        f"the gradient underflows: at most {largest:.1e} arrives, and its product is below the smallest "
        f"{node.dtype} ({least:.1e})",
        "Scale the loss up, use float64, or find what makes the gradient shrink step by step.",
    )


def _of_rest(name: str) -> Said:
    if name in _LOSSES:
        return (
            "the predictions are certain and right to the last digit, or every target is ignored",
            "There is nothing left to learn from this batch; check the labels, or make the logits smaller.",
        )
    if name in _NORMALIZES:
        return (
            "what arrives is the same for all entries that it normalizes, and a common shift changes nothing",
            "Let the loss weigh the entries differently.",
        )
    return "its derivative is 0, or rounds to 0, at these inputs", "Keep its inputs where it is not flat."


def _clamped(values: Values, i: int) -> Any:
    x, low, high = values["input"], values.get("min"), values.get("max")
    below = False if low is None else x < low
    above = False if high is None else x > high
    return (below | above) if i == 0 else ~np.asarray(below if i == 1 else above)


def _flat_power(values: Values, i: int) -> Any:
    base, exponent = np.asarray(values["input"]), np.asarray(values["exponent"])
    return ((base == 0) | (exponent == 0)) if i == 0 else ((base == 0) | (base == 1))


def _other_wins(values: Values, i: int, compare: Any) -> Any:
    pair = (values["input"], values["other"])
    return compare(pair[i], pair[1 - i])
