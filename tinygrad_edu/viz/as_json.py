"""A graph as JSON: for the page, and for programs of others. Numbers are written with six digits."""

from __future__ import annotations

import json
from typing import Any

from .items import Box, GraphData, Item, Step
from .keeping import kept_in_all
from .one_page import spoken
from .summary import Summary

__all__ = ["as_json"]

VERSION = 1


def as_json(data: GraphData, depth: int | None) -> str:
    """Write a graph as one line of JSON; ``depth`` is to how many levels of modules it is shown at first.

    Left out: what is empty, False or None. NaN and infinities are the strings "NaN", "Infinity" and "-Infinity".
    """
    whole = {
        "version": VERSION,
        "title": data.title,
        "depth": depth,
        "output": data.output,
        "stopped": data.stopped,
        "kept": kept_in_all(data.items),
        "items": [_item(item) for item in data.items],
        "boxes": [_box(box) for box in data.boxes],
        "steps": [_step(step) for step in data.steps],
    }
    return json.dumps(whole, separators=(",", ":"), allow_nan=False)


def _short(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != "" and value != []}


def _item(item: Item) -> dict[str, Any]:
    sources = [_short({"item": s.item, "name": s.name, "derivative": s.derivative}) for s in item.sources]
    kept = [{"what": k.what, "bytes": k.bytes, "memory": k.memory, "leaf": k.parameter} for k in item.kept]
    line = item.line and {"file": item.line.file, "number": item.line.number, "code": item.line.code}
    fields = {
        "kind": item.kind,
        "name": item.name,
        "op": item.op,
        "title": item.title,
        "what": item.what,
        "arguments": item.arguments or None,
        "sources": sources,
        "shape": None if item.shape is None else list(item.shape),
        "dtype": item.dtype,
        "box": item.box,
        "stage": item.stage,
        "cut": item.cut,
        "line": line,
        "value": _summary(item.value),
        "grad": _summary(item.grad),
        "kept": kept,
        "freed": item.freed or None,
    }
    shape = fields["shape"]
    short = _short(fields)
    return short if shape is None else {**short, "shape": shape}


def _box(box: Box) -> dict[str, Any]:
    named = {"path": box.path, "name": box.name, "kind": box.kind, "parent": box.parent}
    return _short({**named, "call": box.call, "run": box.run})


def _step(step: Step) -> dict[str, Any]:
    sent = [{"source": s.source, "local": _summary(s.local), "product": _summary(s.product)} for s in step.sent]
    return {"item": step.item, "sent": [_short(s) for s in sent]}


def _summary(summary: Summary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    s = summary
    statistics = (s.minimum, s.maximum, s.mean, s.std, s.norm)
    names = ("min", "max", "mean", "std", "norm")
    fields: dict[str, Any] = {"shape": list(s.shape), "dtype": s.dtype}
    if s.size != 1:
        fields |= dict(zip(names, map(_number, statistics)))
        fields |= {name: n for name, n in (("zeros", s.zeros), ("nan", s.nan), ("inf", s.inf)) if n}
        fields |= {"counts": s.counts} if s.counts else {}
    if s.values is not None:
        fields["values"] = [_number(v) for v in s.values]
    elif s.heat is not None:
        fields["heat"] = [[_number(v) for v in row] for row in s.heat]
    return fields


def _number(value: float) -> float | str:
    return spoken(value, 6)
