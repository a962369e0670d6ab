"""From an equation of :func:`einsum` to what is to be done, in order; it knows letters and sizes only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from string import ascii_letters
from typing import NamedTuple

import numpy as np

__all__ = ["Program", "Step", "plan_equation"]

Shape = tuple[int, ...]
Axes = tuple[int, ...]


class Step(NamedTuple):
    """One product of two operands.

    Attributes
    ----------
    first, second : int
        Their places in the list of operands. Both are taken out, and the result goes to the end.
    sums : pair of tuple of int
        The axes of each that nothing else needs: they are added up before.
    equation : str
        The letters of both and of the result, as :func:`contract` takes them.
    adds_up : bool
        Whether the product itself adds up.
    """

    first: int
    second: int
    sums: tuple[Axes, Axes]
    equation: str
    adds_up: bool


class Program(NamedTuple):
    """What einsum does.

    Attributes
    ----------
    diagonals : tuple of tuple of (int, int)
        For each operand, the axes that become their diagonal, one pair after the other.
    shapes : tuple of tuple of int or None
        For each operand, its shape without the axes of size 1 that broadcast; None: it has none.
    steps : tuple of Step
        The products.
    sums : tuple of int
        The axes of the last result that are added up.
    order : tuple of int or None
        How its axes are permuted then; None: they stand as they are wanted.
    """

    diagonals: tuple[tuple[tuple[int, int], ...], ...]
    shapes: tuple[Shape | None, ...]
    steps: tuple[Step, ...]
    sums: Axes
    order: Axes | None


@lru_cache(maxsize=1024)
def plan_equation(equation: str, shapes: tuple[Shape, ...]) -> Program:
    """Read an equation for operands of these shapes.

    Raises
    ------
    RuntimeError
        If the equation cannot be read, or does not fit the shapes.

    Examples
    --------
    >>> plan_equation("ij,jk->ik", ((2, 3), (3, 4))).steps[0].equation
    'ij,jk->ik'
    """
    read, out = _read(equation, shapes)
    diagonals, terms, whole = zip(*[_diagonals(t, shape) for t, shape in zip(read, shapes)])
    sizes = {c: n for term, shape in zip(terms, whole) for c, n in zip(term, shape) if n != 1}
    terms, small = zip(*[_squeezed(term, shape, sizes) for term, shape in zip(terms, whole)])
    steps, last = _steps(terms, small, out)
    sums, last = _without(last, out)
    order = None if last == out else tuple(last.index(c) for c in out)
    changed = tuple(a if len(a) < len(b) else None for a, b in zip(small, whole))
    return Program(diagonals, changed, tuple(steps), sums, order)


def _diagonals(term: str, shape: Shape) -> tuple[tuple[tuple[int, int], ...], str, Shape]:
    """Give the pairs of axes with one letter; a diagonal becomes the last axis."""
    pairs = []
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            i = term.index(c)
            j = term.index(c, i + 1)
            pairs.append((i, j))
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + c
            shape = shape[:i] + shape[i + 1 : j] + shape[j + 1 :] + (shape[i],)
    return tuple(pairs), term, shape


def _squeezed(term: str, shape: Shape, sizes: dict[str, int]) -> tuple[str, Shape]:
    """Leave out the axes of size 1 whose letter has another size in another operand."""
    kept = [i for i, c in enumerate(term) if shape[i] == sizes.get(c, 1)]
    return "".join(term[i] for i in kept), tuple(shape[i] for i in kept)


def _steps(operands: Sequence[str], shapes: Sequence[Shape], out: str) -> tuple[list[Step], str]:
    """Give the products, and the letters of what they leave."""
    steps, terms = [], list(operands)
    for i, j in _pairs(terms, shapes, out):
        rest = [term for k, term in enumerate(terms) if k not in (i, j)]
        later = out + "".join(rest)
        of_x, x = _without(terms[i], terms[j] + later)
        of_y, y = _without(terms[j], x + later)
        both = x + "".join(c for c in y if c not in x)
        kept = "".join(c for c in both if c in later) if rest else out
        steps.append(Step(i, j, (of_x, of_y), f"{x},{y}->{kept}", set(both) != set(kept)))
        terms = [*rest, kept]
    return steps, terms[0]


def _pairs(terms: Sequence[str], shapes: Sequence[Shape], out: str) -> Iterator[tuple[int, int]]:
    """Choose what is multiplied next: the cheapest first, as NumPy's einsum_path finds it."""
    groups: list[Sequence[int]] = [range(len(terms))]
    if len(terms) > 2:
        zeros = [np.broadcast_to(0.0, shape) for shape in shapes]
        equation = ",".join(terms) + "->" + out
        groups = np.einsum_path(equation, *zeros, optimize="greedy")[0][1:]
    alive = list(range(len(terms)))
    for group in groups:
        names = [alive[place] for place in group]
        while len(names) > 1:
            yield alive.index(names[0]), alive.index(names[1])
            made = max(alive) + 1
            alive = [name for name in alive if name not in names[:2]] + [made]
            names = [made, *names[2:]]


def _without(term: str, needed: str) -> tuple[Axes, str]:
    """Give the axes whose letters nothing else needs, and the letters that stay."""
    gone = tuple(i for i, c in enumerate(term) if c not in needed)
    return gone, "".join(c for c in term if c in needed)


# ---- reading


def _read(equation: str, shapes: tuple[Shape, ...]) -> tuple[list[str], str]:
    """Return the operands' terms and the result's, with letters for what ``...`` stands for."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        problem = "fewer" if len(shapes) < len(terms) else "more"
        raise RuntimeError(
            f"einsum(): {problem} operands were provided than specified in the equation: "
            f"{equation!r} has {len(terms)} terms, and {len(shapes)} operands were given."
        )
    for i, term in enumerate(terms):
        _check_letters(term, f"for operand {i}", equation)
    spare = [c for c in ascii_letters if c not in equation]
    n_dots = max(_hidden(term, shape, i) for i, (term, shape) in enumerate(zip(terms, shapes)))
    dots = "".join(spare[:n_dots])
    terms = [
        term.replace("...", dots[n_dots - _hidden(term, shape, i) :])
        for i, (term, shape) in enumerate(zip(terms, shapes))
    ]
    _check_sizes(terms, shapes)
    if not arrow:
        once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        return terms, dots + "".join(once)
    _check_letters(right, "in the output", equation)
    _check_output(right.replace("...", ""), left)
    return terms, right.replace("...", dots)


def _check_letters(term: str, where: str, equation: str) -> None:
    rest = term.replace("...", "", 1)
    if "." in rest:
        problem = "for which an ellipsis was already found" if rest != term else "that is not part of any ellipsis"
        raise RuntimeError(f"einsum(): found '.' {where} {problem}: {equation!r}.")
    for c in rest:
        if c not in ascii_letters:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {equation.index(c)} in the equation "
                f"string, subscripts must be in [a-zA-Z]: {equation!r}."
            )


def _hidden(term: str, shape: Shape, operand: int) -> int:
    """Count the axes that ``...`` stands for in a term."""
    letters = len(term.replace("...", ""))
    has_dots = "..." in term
    if letters > len(shape) or (not has_dots and letters != len(shape)):
        without = "" if has_dots else " and no ellipsis was given"
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({letters}) does not match the "
            f"number of dimensions ({len(shape)}) for operand {operand}{without}: {term!r} for "
            f"shape {list(shape)}."
        )
    return len(shape) - letters


def _check_sizes(terms: Sequence[str], shapes: Sequence[Shape]) -> None:
    sizes: dict[str, int] = {}
    for i, (term, shape) in enumerate(zip(terms, shapes)):
        own: dict[str, int] = {}
        for c, n in zip(term, shape):
            if own.setdefault(c, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {c} is repeated for operand {i} but the sizes don't "
                    f"match, {n} != {own[c]}: a diagonal needs a square, got shape {list(shape)}."
                )
            if n != 1 and sizes.setdefault(c, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {i} which does not "
                    f"broadcast with previously seen size {sizes[c]}: got {list(shapes)}."
                )


def _check_output(letters: str, inputs: str) -> None:
    for c in letters:
        if letters.count(c) > 1:
            raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output.")
        if c not in inputs:
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation for any input operand: {inputs!r}."
            )
