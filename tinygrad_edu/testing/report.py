"""What a gradient check found: fields to program against, and the table that is printed.

It knows nothing of how the check is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..autograd.gradcheck import GradcheckError

__all__ = ["Diagnosis", "Entry", "Finding", "GradientReport", "InputResult", "Kink"]


@dataclass(frozen=True)
class Entry:
    """One wrong entry of the Jacobian.

    Attributes
    ----------
    input, index : str, tuple of int
        Which input, and which entry of it.
    output, output_index : int, tuple of int
        Which output, and which entry of it.
    analytic, numeric, error : float
        What backward says, what differences say, and the absolute difference.
    order : int
        1: an entry of the derivative of the function; 2: of the derivative of its gradient.
    """

    input: str
    index: tuple[int, ...]
    output: int
    output_index: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    order: int = 1

    def __str__(self) -> str:
        target = "output" if self.order == 1 else "gradient" if self.order == 2 else f"derivative {self.order - 1}"
        return (
            f"{self.input} {_index(self.index)} -> {target} {self.output} {_index(self.output_index)}: "
            f"analytic {_number(self.analytic)}, numeric {_number(self.numeric)}, error {_number(self.error)}"
        )


@dataclass(frozen=True)
class Kink:
    """A point at which the derivatives from the left and from the right differ.

    Attributes
    ----------
    input, index, value : str, tuple of int, float
        Where.
    analytic, low, high : float
        What backward says, and the range of the one-sided derivatives: any number in it is a subgradient.
    accepted : bool
        Whether ``analytic`` lies in the range.
    """

    input: str
    index: tuple[int, ...]
    value: float
    analytic: float
    low: float
    high: float
    accepted: bool
    order: int = 1

    def __str__(self) -> str:
        inside, verdict = ("within", "accepted") if self.accepted else ("outside", "wrong")
        where = f"{inside} [{_short(self.low)}, {_short(self.high)}]: {verdict}"
        place = f"{self.input} {_index(self.index)} = {_short(self.value)}"
        return f"non-differentiable at {place}; yours is {_short(self.analytic)}, {where}"


@dataclass(frozen=True)
class Finding:
    """A mistake that is seen without any difference: a kind to program against, and a sentence."""

    kind: str
    message: str
    order: int = 1

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake: a kind to program against, and a sentence."""

    kind: str
    message: str
    input: str | None = None
    order: int = 1

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class InputResult:
    """What was found for one input: a row of the table.

    Attributes
    ----------
    size, wrong : int
        How many entries it has, and how many of those were found to have a wrong derivative.
    largest_error : float
        The largest difference between backward and differences, of the sums that were compared, divided by the
        largest entry of all gradients.
    remainder_order : float or None
        How fast the remainder of the Taylor formula shrinks with the step: 2 for a right derivative, 1 for a wrong
        one; None where there is only round-off to be seen, as for linear functions.
    complex_step : float or None
        Relative difference to the derivative by a complex step; None where the function does not take complex
        numbers, or is not analytic.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    size: int
    wrong: int
    largest_error: float
    remainder_order: float | None
    complex_step: float | None
    order: int = 1


@dataclass
class GradientReport:
    """The result of :func:`~tinygrad_edu.testing.check_gradients`; true when every derivative is right.

    Attributes
    ----------
    function : str
        Name of what was checked.
    order : int
        The highest order that was checked; a check stops at the first that is wrong.
    ok : bool
        The verdict.
    findings : list of Finding
        What is wrong whatever the numbers are: shapes, None, NaN, mutated inputs, randomness.
    entries : list of Entry
        The worst entries, worst first.
    wrong, total : int
        How many entries of the Jacobian are wrong, of how many that were compared one by one.
    wrong_is_exact : bool
        False for big inputs, where the search stops when it has seen enough.
    diagnoses : list of Diagnosis
        The likely mistakes.
    kinks : list of Kink
        Points without a derivative, and how they were judged.
    inputs : list of InputResult
        A row for every input and order.
    notes : list of str
        What else the reader should know.
    evaluations : int
        How often the function was called.
    """

    function: str
    order: int
    ok: bool = True
    findings: list[Finding] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    wrong: int = 0
    total: int = 0
    wrong_is_exact: bool = True
    diagnoses: list[Diagnosis] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)
    inputs: list[InputResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    evaluations: int = 0

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__

    def add(self, findings: Sequence[Finding]) -> bool:
        """Add findings, of which any makes the verdict wrong; return the verdict so far."""
        self.findings += findings
        self.ok = self.ok and not findings
        return self.ok

    def raise_if_wrong(self) -> GradientReport:
        """Return the report, or raise it.

        Raises
        ------
        GradcheckError
            If the derivative is wrong; the message is the report, which is also the attribute ``report``.
        """
        if not self.ok:
            error = GradcheckError(str(self))
            error.report = self
            raise error
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists, dictionaries, numbers and strings, for JSON."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


_MOST_KINKS = 5
_ROUND_OFF = 1e-10


def _lines(report: GradientReport) -> list[str]:
    verdict = "right" if report.ok else "WRONG"
    order = f"order {report.order}" if report.order == 1 or not report.ok else f"orders 1 to {report.order}"
    lines = [f"gradient check of {report.function}, {order}: {verdict}"]
    lines += [f"  ! {finding}" for finding in report.findings]
    lines += _table(report.inputs)
    lines += _entry_lines(report)
    lines += [f"  likely: {diagnosis}" for diagnosis in report.diagnoses]
    kinks = sorted(report.kinks, key=lambda kink: kink.accepted)  # the wrong ones first
    lines += [f"  kink: {kink}" for kink in kinks[:_MOST_KINKS]]
    if len(kinks) > _MOST_KINKS:
        lines.append(f"  kink: ... and {len(kinks) - _MOST_KINKS} more")
    return lines + [f"  note: {note}" for note in report.notes]


_HEAD = ("", "shape", "dtype", "wrong", "largest error", "remainder", "complex step")


def _table(inputs: Sequence[InputResult]) -> list[str]:
    """Lay out the rows of the inputs; columns in which nothing is known are left out."""
    rows = [_HEAD, *[_row(result) for result in inputs]]
    shown = [i for i in range(len(_HEAD)) if i < 5 or any(row[i] != "-" for row in rows[1:])]
    widths = [max(len(row[i]) for row in rows) for i in shown]
    return [
        ("  " + "  ".join(row[i].ljust(width) for i, width in zip(shown, widths))).rstrip()
        for row in (rows if inputs else [])
    ]


def _row(result: InputResult) -> tuple[str, ...]:
    order = "-" if result.remainder_order is None else f"h^{result.remainder_order:.2f}"
    step = "-" if result.complex_step is None else _size(result.complex_step)
    name = result.name if result.order == 1 else f"{result.name} (order {result.order})"
    wrong = f"{result.wrong} of {result.size:,}"
    return name, str(list(result.shape)), result.dtype, wrong, _size(result.largest_error), order, step


def _size(error: float) -> str:
    """Write how large an error is; the digits of round-off say nothing."""
    return f"{error:.0e}" if error >= _ROUND_OFF else f"<{_ROUND_OFF:.0e}"


def _entry_lines(report: GradientReport) -> list[str]:
    if not report.entries:
        return []
    count = f"{report.wrong:,}" if report.wrong_is_exact else f"at least {report.wrong:,}"
    total = f"{report.total:,}" if report.wrong_is_exact else f"the {report.total:,} that were looked at"
    shown = "" if len(report.entries) == report.wrong else f"; the {len(report.entries)} worst"
    return [f"  wrong entries of the Jacobian: {count} of {total}{shown}", *[f"    {e}" for e in report.entries]]


def _index(index: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, index)) + "]"


def _number(value: float) -> str:
    """Write a number with three decimals where that says something, and in scientific form where not."""
    return f"{value:.3f}" if value == 0 or 0.01 <= abs(value) < 1e6 else f"{value:.3e}"


def _short(value: float) -> str:
    return f"{round(value, 6) + 0.0:.4g}" if abs(value) > 1e-12 else "0"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such numbers
    return value
