"""``check_gradients``: puts a function through every test, one order after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import inference_mode
from .examination import Settings, examine
from .facts import backward_findings, forward_findings, precision_findings, type_findings, undefined_findings
from .preparation import choose_outputs, cotangents_of, prepare
from .primal import Primal
from .report import Diagnosis, Finding, GradientReport
from .subject import Derivative, Pullback, Subject, name_of

__all__ = ["check_gradients"]

Array = np.ndarray[Any, Any]


def check_gradients(
    fn: Callable[..., Any],
    inputs: Any,
    *,
    order: int = 1,
    kwargs: Mapping[str, Any] | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    grad_outputs: Any = None,
    check_parameters: bool = True,
    names: Sequence[str] | None = None,
    seed: int = 0,
    max_entries: int = 10,
) -> GradientReport:
    """Check what backward says against differences of the function itself, and say where and why they disagree.

    Parameters
    ----------
    fn : callable
        Takes Tensors, returns a Tensor or several: an op, ``Function.apply``, a module or any function.
    inputs : Tensor, ndarray, or tuple or list of arguments
        The point. Checked are floating arrays and the Tensors that require grad; where there are none of these, every
        floating Tensor. Arguments may be sequences of tensors; what is not a tensor is passed on as it is.
        float32 inputs are judged by the function's float64 twin: the same function, called with float64.
        Arrays for a module take the dtype of its parameters.
    order : int
        2: if the first derivative is right, its own derivative is checked too, as ``create_graph=True`` records it.
    kwargs : dict, optional
        Keyword arguments of ``fn``.
    atol, rtol : float, optional
        Errors up to ``atol + rtol * |numeric|`` are accepted. By default there is no tolerance: an entry is wrong when
        it is farther off than the numeric derivative can be.
    nondet_tol : float
        By how much two calls, or two backward passes, may differ.
    check_undefined_grad : bool
        With several outputs: check that a gradient that does not arrive counts as zeros.
    grad_outputs : Tensor or sequence of Tensor, optional
        For ``order=2``: what arrives at the outputs. Default: random.
    check_parameters : bool
        With a module: check the derivatives with respect to its parameters as well. The module itself stays as it is.
    names : sequence of str, optional
        What the report calls the arguments. Default: "input 0", "input 1" ...
    seed : int
        Of the random combinations of outputs and of inputs.
    max_entries : int
        How many wrong entries the report lists.

    Returns
    -------
    GradientReport
        True when everything is right; prints as a table.

    Raises
    ------
    ValueError
        If there is nothing to check, or an option makes no sense.

    Notes
    -----
    Backward gives v J for a v that arrives. Two random v are taken, so the comparison is of two gradients, and the
    numeric side needs no Jacobian: the sum of a block of entries, each with a random weight, costs four evaluations.
    Blocks that disagree are halved until the wrong entries are found; of these, and of a sample, rows and columns of
    the Jacobian are compared one by one.

    Steps of many sizes are extrapolated (Richardson, 1911; Ridders, 1982), and what is left of the series and of
    round-off is the uncertainty that an error is compared with. At a kink, every number between the derivatives from
    the left and from the right is accepted (Clarke, 1975).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import op
    >>> from tinygrad_edu.testing import check_gradients
    >>> @op(vjps=(lambda g, _out, x: g * 3 * x,))
    ... def cube(x):
    ...     return x**3
    >>> report = check_gradients(cube, np.array([1.0, 2.0]))
    >>> report.ok
    False
    >>> print(report.entries[0])
    input 0 [1] -> output 0 [1]: analytic 6.000, numeric 12.000, error 6.000
    """
    if order < 1:
        raise ValueError(f"check_gradients: order is {order}; it must be 1 or more: 1 checks the first derivative.")
    if (atol is None) != (rtol is None):
        raise ValueError(
            "check_gradients: got one of atol and rtol; give both, or neither to check without tolerances."
        )
    subject = Primal(fn, inputs, kwargs or {}, check_parameters, names)
    if not subject.names:
        raise ValueError(
            f"check_gradients: none of the {len(subject.given)} inputs of {name_of(fn)} is a floating Tensor or array, "
            "so there is no derivative to check; pass floats, such as np.array([1.0, 2.0])."
        )
    report = GradientReport(name_of(fn), 1)
    settings = Settings(seed, max_entries, None if atol is None else (atol, rtol or 0.0), list(subject.dtypes))
    current: Subject = subject
    with np.errstate(all="ignore"), inference_mode(False):  # steps lead out of domains
        _first(subject, report, settings, nondet_tol, check_undefined_grad)
        while report.ok and report.order < order:
            current = _next(current, report, settings, grad_outputs)
    report.evaluations = subject.evaluations
    return report


def _first(
    subject: Primal, report: GradientReport, settings: Settings, nondet_tol: float, check_undefined_grad: bool
) -> None:
    """Check the first derivative: the cheap facts, then the numbers."""
    prepare(subject, report, settings.seed)
    if not report.ok:
        return
    cotangents = cotangents_of(subject, settings.seed)
    beside = settings.beside(subject.points)
    if (
        report.add(forward_findings(subject, nondet_tol))
        and report.add(backward_findings(subject, cotangents, beside, nondet_tol))
        and report.add(precision_findings(subject, cotangents))
        and check_undefined_grad
    ):
        report.add(undefined_findings(subject, cotangents))
    subject.writes = subject.clones or not report.ok
    if not {finding.kind for finding in report.findings} & {"random", "backward-random"}:
        examine(subject, report, settings)


def _next(inner: Subject, report: GradientReport, settings: Settings, grad_outputs: Any) -> Derivative:
    """Check the derivative of what was found right."""
    given = _arrays(grad_outputs) if inner.order == 1 else None
    if given is not None and [g.shape for g in given] != inner.sizes:
        raise ValueError(
            f"check_gradients: grad_outputs have shapes {[list(g.shape) for g in given]}, but the outputs have "
            f"{[list(shape) for shape in inner.sizes]}; give one for each, in its shape."
        )
    subject = Derivative(inner, cotangents_of(inner, settings.seed) if given is None else given)
    report.order = subject.order
    choose_outputs(subject, report, subject.record(subject.points)[1])
    pullback = subject.pullback(subject.points)
    if report.add(_recorded_findings(subject, pullback)) and report.add(
        type_findings(subject, pullback, cotangents_of(subject, settings.seed))
    ):
        examine(subject, report, settings)
    if not report.ok:
        report.diagnoses.insert(0, Diagnosis("second-order", _SECOND, order=subject.order))
    return subject


def _recorded_findings(subject: Derivative, pullback: Pullback) -> list[Finding]:
    """Compare the gradients of the recorded backward pass with those of the ordinary one."""
    findings = []
    recorded = [t.array for t in pullback.outputs]
    ordinary = subject.values(subject.points)
    largest = max([float(np.abs(b[np.isfinite(b)]).max(initial=0.0)) for b in ordinary], default=0.0)
    round_off = np.split(subject.round_off(subject.points), np.cumsum([b.size for b in ordinary])[:-1])
    for k, a, b, least in zip(subject.judged, recorded, ordinary, round_off):
        x = np.abs(subject.points[k])
        atol = 1e-10 * largest + 20 * least.reshape(b.shape) / np.where((x > 0) & (x < 1), x, 1.0)
        if not np.allclose(a, b, rtol=1e-7, atol=atol, equal_nan=True):
            message = (
                f"under create_graph=True the gradient of {subject.names[k]} is another than in the ordinary backward "
                f"pass (by up to {np.abs(a - b).max():.1e})."
            )
            findings.append(Finding("second-order", message, subject.order))
    return findings


def _arrays(values: Any) -> list[Array] | None:
    """Read the gradients that arrive at the outputs, None where none were given."""
    if values is None:
        return None
    listed = values if isinstance(values, (tuple, list)) else [values]
    return [np.array(getattr(v, "array", v), np.float64) for v in listed]


_SECOND = (
    "the first derivative is right, its own derivative is wrong: backward leaves the graph on its way (detach, .array, "
    ".numpy(), NumPy functions on Tensors, a saved number instead of a saved Tensor), so create_graph=True records too "
    "little. Write it with Tensor operations, or mark it with @once_differentiable."
)
