"""Why a tensor's gradient is None, zero or NaN: ``explain`` says so, with the place and the way out.

The reasons themselves stand in the modules beside this one: ``paths`` for None, ``zeros`` and
``nonfinite`` for the numbers; ``flow`` goes through the backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ...op import runtime
from ..graph import Node
from ..marks import marks_of
from ..tracing import names_here, note_of
from .flow import Flow, flow_to, ways_to
from .numbers import causes_of_notes, causes_of_numbers, judge, said_of_norm, verdict_of
from .paths import Cause, reasons_of_update, why_no_graph, why_no_path, why_no_requires_grad
from .places import Place, place_of

__all__ = ["Cause", "Explanation", "Place", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What :func:`explain` found. ``print`` it.

    Attributes
    ----------
    verdict : str
        What the gradient is: "none", "zero", "partly zero", "nan", "inf", "tiny" (below 1e-6), "fine", or "error" where
        backward() itself raises.
    summary : str
        The verdict in a sentence.
    causes : tuple of Cause
        Each with ``what``, ``way_out`` and ``place`` (an operation, its file, line and variable; None in no place).
    remarks : tuple of str
        What else is worth knowing.
    """

    verdict: str
    summary: str
    causes: tuple[Cause, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that there is to say, in order."""
        return (self.summary, *map(str, self.causes), *self.remarks)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places of the causes."""
        return tuple(cause.place for cause in self.causes if cause.place is not None)

    def __str__(self) -> str:
        """Return the text: the verdict, each cause with the way out below it, the remarks."""
        causes = [f"- {cause.said}" + (f"\n  {cause.way_out}" if cause.way_out else "") for cause in self.causes]
        return "\n".join([self.summary, *causes, *self.remarks])

    def __bool__(self) -> NoReturn:
        raise TypeError("an Explanation is neither true nor false: print it, or compare its .verdict with a word.")


def explain(t: Any, loss: Any = None) -> Explanation:
    """Say why ``t.grad`` is None, zero or NaN.

    With ``loss`` it goes through the real backward pass from there to ``t``, without touching any ``.grad`` and
    without freeing the graph, and finds the operation at which the gradient is lost. Ask before ``backward()``, or call
    ``backward(retain_graph=True)``. Without ``loss`` it can only read ``t`` itself. Source lines are named where the
    graph was made inside ``viz.trace()`` or in anomaly mode. Tensor hooks run and what is checkpointed is computed
    again, as in backward.

    Parameters
    ----------
    t : Tensor
        Any shape and dtype.
    loss : Tensor, optional
        One number, on which ``backward()`` is or was called.

    Returns
    -------
    Explanation
        Its text is for reading, its fields for programs.

    Raises
    ------
    TypeError
        If ``t`` or ``loss`` is no Tensor.
    RuntimeError
        If ``loss`` has more than one element.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.autograd import explain
    >>> w = tg.tensor([-1.0, -2.0], requires_grad=True)
    >>> loss = w.relu().sum()
    >>> print(explain(w, loss))
    The gradient of w is zero: all 2 entries.
    - relu: at all 2 entries that a gradient arrives at its input is negative or 0, so it passes nothing back there.
      Try a smaller learning rate, another bias, or leaky_relu, which passes a little back everywhere.
    w.grad itself is None now: backward() was not called yet, or zero_grad() or a hook has set it to None since.
    """
    _check(t, loss)
    name = _name_of(t)
    if loss is None or (t._edge is None and t.grad is not None):
        return _of_tensor(t, name)
    if t._edge is None:
        return _none(t, name, _without_graph(t, loss))
    if loss._edge is None:
        return _none(t, name, why_no_graph(loss), "the loss has no graph")
    order = ways_to(t._edge, loss._edge)
    if not order:
        return _none(t, name, why_no_path(t, loss, name), "the loss does not depend on it, as far as the graph shows")
    return _of_flow(t, loss, name, order)


def _check(t: Any, loss: Any) -> None:
    if not isinstance(t, runtime.Tensor):
        raise TypeError(
            f"explain: t must be a Tensor, got {type(t).__name__}; give the tensor whose .grad is in question."
        )
    if loss is not None and not isinstance(loss, runtime.Tensor):
        raise TypeError(
            f"explain: loss must be a Tensor or None, got {type(loss).__name__}; give what backward() starts at."
        )
    if loss is not None and loss.array.size != 1:
        raise RuntimeError(
            f"explain: grad can be implicitly created only for scalar outputs; loss has shape "
            f"{list(loss.shape)}. Reduce it (sum(), mean())."
        )


def _name_of(t: Any) -> str:
    """Call the tensor by its variable where explain was called, else by the name that a trace gave it."""
    here = names_here().get(id(t), "")
    note = None if t._edge is None else note_of(t._edge)
    return here or (note.name if note is not None else "") or "t"


def _none(t: Any, name: str, causes: Sequence[Cause], why: str = "") -> Explanation:
    reason = f": {why}." if why else "."
    if t.grad is None:
        return Explanation("none", f"{name}.grad is None{reason}", tuple(causes))
    stays = (f"What {name}.grad holds is of another backward(), or was put there.",)
    return Explanation("none", f"This loss gives {name} no gradient{reason}", tuple(causes), stays)


def _without_graph(t: Any, loss: Any) -> list[Cause]:
    causes = why_no_requires_grad(t)
    return causes if loss._edge is not None else causes + why_no_graph(loss)


# ---- what the tensor itself shows


def _of_tensor(t: Any, name: str) -> Explanation:
    if t.grad is None:
        return _none(t, name, _none_without_loss(t))
    marks = marks_of(t.grad)
    verdict = verdict_of(marks)
    way = () if verdict == "fine" else ("Pass loss= (before backward() frees its graph) to see where that comes from.",)
    frozen = () if t.requires_grad else ("It stands there from before: requires_grad is False now.",)
    return Explanation(verdict, _summary(f"{name}.grad", verdict, marks), _of_own_value(t, verdict), (*frozen, *way))


def _none_without_loss(t: Any) -> list[Cause]:
    if t._edge is None:
        return why_no_requires_grad(t)
    if not t.is_leaf and not t.retains_grad:
        return _not_a_leaf(t)
    return [
        Cause(
            "no backward() has reached it since it was made, or zero_grad() or a hook has set .grad to None since",
            "Call backward() on a loss that is computed from it; if you did, pass that as loss= to see where "
            "the way breaks.",
        )
    ]


def _not_a_leaf(t: Any) -> list[Cause]:
    """Say that a computed tensor keeps no gradient."""
    cause = Cause(
        "this tensor was computed, so it is no leaf, and backward() leaves .grad to the leaves",
        "Call retain_grad() on it before backward().",
        place_of(t._edge),
    )
    update = reasons_of_update(t._edge)
    return [cause] if update is None else [cause, update]


def _of_own_value(t: Any, verdict: str) -> tuple[Cause, ...]:
    marks = marks_of(t)
    if verdict not in ("nan", "inf") or marks.is_finite or not t.is_leaf:
        return ()
    what = f"the tensor itself holds {marks.nan} NaN and {marks.inf} infinities among its {marks.size} numbers"
    return (Cause(what, "Find out which step wrote them: a NaN gradient and an optimizer step are enough."),)


def _summary(what: str, verdict: str, marks: Any) -> str:
    if verdict == "zero":
        return f"{what} is zero: " + (f"all {marks.size} entries." if marks.size > 1 else "its one entry.")
    if verdict == "partly zero":
        return f"{what} is zero in {marks.zeros} of {marks.size} entries."
    if verdict in ("nan", "inf"):
        count, word = (marks.nan, "NaN") if marks.nan else (marks.inf, "infinite")
        return f"{what} is {word} in {count} of {marks.size} entries."
    if verdict == "tiny":
        return f"{what} is tiny: its norm is {marks.norm:.3g}."
    return f"{what} is fine: its norm is {marks.norm:.3g}."


# ---- what flows from the loss


def _of_flow(t: Any, loss: Any, name: str, order: list[Node]) -> Explanation:
    try:
        flow = flow_to(t._edge, loss, order, judge)
    except Exception as error:
        what = f"backward() stops with {type(error).__name__}: {error}"
        return Explanation("error", f"{name}.grad cannot be computed.", (Cause(what, ""),))
    marks = flow.arrived(t._edge)
    if marks is None:
        return _none(t, name, _nothing_arrives(flow)) if not flow.noted or flow.steps else _freed(t, name, flow)
    if not t.is_leaf and not t.retains_grad:
        return _kept_nowhere(t, name, _from_flow(t, name, flow))
    return _with_present(t, name, _from_flow(t, name, flow), flow)


def _from_flow(t: Any, name: str, flow: Flow) -> Explanation:
    marks = flow.arrived(t._edge)
    assert marks is not None
    verdict = verdict_of(marks)
    causes = (*_of_own_value(t, verdict), *causes_of_numbers(flow, verdict))
    return Explanation(
        verdict, _summary(f"The gradient of {name}", verdict, marks), causes, said_of_norm(flow, verdict)
    )


def _kept_nowhere(t: Any, name: str, found: Explanation) -> Explanation:
    """Say that the gradient of a computed tensor is thrown away, and what it would be."""
    would = found.summary.replace(f"The gradient of {name}", "The gradient that arrives at it", 1)
    return Explanation("none", f"{name}.grad is None.", (*_not_a_leaf(t), *found.causes), (would, *found.remarks))


def _with_present(t: Any, name: str, found: Explanation, flow: Flow) -> Explanation:
    """Add what ``.grad`` holds at this moment, where that is something else than what the loss gives."""
    if t.grad is None:
        what = "already called and its graph freed" if flow.noted else "not called yet"
        remark = (
            f"{name}.grad itself is None now: backward() was {what}, or zero_grad() or a hook has set it to None since."
        )
        return Explanation(found.verdict, found.summary, found.causes, (*found.remarks, remark))
    now = marks_of(t.grad)
    if found.verdict in ("nan", "inf"):
        return found
    if now.is_finite:
        arrived = flow.arrived(t._edge)
        if arrived is None or math.isclose(arrived.norm, now.norm, rel_tol=1e-3):
            return found
        other = (
            f"{name}.grad itself holds other numbers now (norm {now.norm:.3g}): of other backward() calls, or changed."
        )
        return Explanation(found.verdict, found.summary, found.causes, (*found.remarks, other))
    cause = Cause(
        "NaN or infinities stand in .grad from an earlier backward(), and backward() adds to what is there",
        "Call zero_grad() before each backward().",
    )
    verdict = verdict_of(now)
    return Explanation(verdict, _summary(f"{name}.grad", verdict, now), (cause,), ("What this loss gives is finite.",))


def _nothing_arrives(flow: Flow) -> list[Cause]:
    """Find the operations that have no derivative for the input that leads on."""
    return [
        Cause(
            f"it gives no gradient to its input {i}, although that one wants one",
            "Return a gradient for it from backward, or feed the tensor where a derivative exists.",
            place_of(node),
        )
        for node, i, _, sent in flow.sendings()
        if sent is None
    ]


def _freed(t: Any, name: str, flow: Flow) -> Explanation:
    """Explain what is left when the graph was freed: the numbers in ``.grad``."""
    remark = (
        "The loss's graph was freed by an earlier backward(): call explain before it, or use "
        "backward(retain_graph=True), or run both inside `with tinygrad_edu.viz.trace():`."
    )
    if t.grad is None and (t.is_leaf or t.retains_grad):
        cause = Cause(
            "backward() has gone through the loss's graph (it is freed), and .grad is None all the same: zero_grad() "
            "or a hook has set it to None since, or backward(inputs=...) or autograd.grad() left it out",
            "Read .grad before zero_grad().",
        )
        return _none(t, name, [cause])
    found = _of_tensor(t, name)
    causes = (*found.causes, *causes_of_notes(flow.order, t._edge, found.verdict))
    return Explanation(found.verdict, found.summary, causes, () if found.verdict == "fine" else (remark,))
