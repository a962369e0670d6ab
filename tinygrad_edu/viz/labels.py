"""What is written on the nodes and arrows of a drawing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath

from .folding import Arrow, Drawn
from .items import Box, GraphData, Item
from .keeping import kept_in_all
from .summary import Summary
from .wording import NO_BREAK, bytes_text, count_text, html, number, plural, rms, shape_text, shortened, summary_lines

__all__ = ["MARGIN", "Labels", "frame_label", "frame_text", "gradient_size", "title_label"]

_CUTS = {
    "detach": "cut off by detach()",
    "no_grad": "cut off: made under no_grad()",
    "no derivative": "{op} has no derivative",
    "constants": "computed from data",
}
MARGIN = "0.14,0.06"  # inches beside and above the text of a node
_SLACK = (0.017, 0.009)  # inches for each letter of the heading, of other lines: for fonts wider than the measured


class Labels:
    """Writes labels for one graph.

    Parameters
    ----------
    data : GraphData
    show : collection of str
        See :func:`tinygrad_edu.viz.graph`.
    backward : bool
        Name operations as ``grad_fn`` does, not by what they do to values.
    """

    def __init__(self, data: GraphData, show: Collection[str], backward: bool) -> None:
        self.data, self.show, self.backward = data, show, backward
        self._users = _users_of(data)

    def of_node(self, node: Drawn) -> tuple[str, str]:
        """Return the label of a node, in Graphviz's markup, and its margin in inches."""
        (bold, rest), lines = self._folded(node) if node.boxes else self._single(node)
        small = "<br/>".join(html(line) for line in lines)
        body = f'<br/><font point-size="9">{small}</font>' if lines else ""
        beside, above = MARGIN.split(",")
        slack = max(_SLACK[0] * len(bold + rest), _SLACK[1] * max(map(len, lines), default=0))
        if slack > float(beside):
            beside = f"{slack:.3f}"
        return f"<<b>{html(bold)}</b>{html(rest)}{body}>", f"{beside},{'0.1' if node.boxes else above}"

    def of_values(self, arrow: Arrow) -> str:
        """Write what flows along an arrow: shape and dtype; leaves say them themselves."""
        values = self._values_of(arrow)
        if values[0].kind != "operation":
            return ""
        words = [shape_text(values[0].shape)] if "shape" in self.show else []
        words += [values[0].dtype] if "dtype" in self.show else []
        text = " ".join(filter(None, words))
        return f"{len(values)} × ({text})" if text and len(values) > 1 else text

    def of_gradient(self, arrow: Arrow, products: dict[tuple[int, int], Summary]) -> str:
        """Write the size of the gradient that is sent back along an arrow; a single number is written itself."""
        if len(arrow.uses) == 1:
            sent = [products[use] for use in arrow.uses if use in products]
        else:
            sent = self._whole_gradients(arrow)
        if len(sent) == 1 and sent[0].size == 1 and sent[0].values:
            return number(sent[0].values[0])
        size = _pooled_rms(sent)
        return "" if size is None else f"rms {number(_rounded(size))}"

    def _whole_gradients(self, arrow: Arrow) -> list[Summary]:
        """Return the gradients of the values that flow along an arrow and nowhere else; none if others are there."""
        uses: dict[int, int] = {}
        for operation, position in arrow.uses:
            item = self._source(operation, position)
            uses[item] = uses.get(item, 0) + 1
        grads = [self.data.items[item].grad for item in uses]
        whole = all(self._users[item] == n for item, n in uses.items())
        return [grad for grad in grads if grad is not None] if whole and None not in grads else []

    def _values_of(self, arrow: Arrow) -> list[Item]:
        numbers = dict.fromkeys(self._source(operation, position) for operation, position in arrow.uses)
        return [self.data.items[i] for i in numbers]

    def _source(self, operation: int, position: int) -> int:
        source = self.data.items[operation].sources[position].item
        assert source is not None  # an arrow starts at an item
        return source

    def _single(self, node: Drawn) -> tuple[tuple[str, str], list[str]]:
        item = self.data.items[node.items[0]]
        is_output = node.items[0] == self.data.output
        if item.kind == "operation":
            heading, lines = self._operation(item, node.module)
        else:
            heading, lines = (shortened(item.name or item.kind), ""), []
        told = item.shape == () and "value" in self.show and item.value is not None
        if (item.kind != "operation" or is_output) and not told:
            lines += [" ".join(filter(None, [shape_text(item.shape), item.dtype]))]
        if item.cut and item.kind == "input":
            lines.append(_CUTS[item.cut].format(op=item.op))
        return heading, lines + self._details(item)

    def _operation(self, item: Item, module: int | None) -> tuple[tuple[str, str], list[str]]:
        doing = item.title if self.backward and item.title else item.op or item.title
        heading = (shortened(item.name), f" = {doing}") if item.name else (doing, "")
        if module is None:
            return heading, []
        return heading, [_named(self.data.boxes[module])]

    def _details(self, item: Item) -> list[str]:
        show, lines = self.show, []
        if "op" in show and item.arguments:
            lines.append(shortened(", ".join(f"{name}={value}" for name, value in item.arguments.items())))
        if "value" in show and item.value is not None:
            lines += summary_lines("value", item.value)
        if "grad" in show and item.grad is not None:
            lines += summary_lines("grad", item.grad)
        if "kept" in show and item.kept:
            lines.append(f"keeps {_kept_by(item)}")
        if "line" in show and item.line is not None:
            lines.append(f"{shortened(PurePath(item.line.file).name, 24)}:{item.line.number}")
            lines += [shortened(item.line.code)] if item.line.code else []
        return lines

    def _folded(self, node: Drawn) -> tuple[tuple[str, str], list[str]]:
        items = [self.data.items[i] for i in node.items]
        boxes = [self.data.boxes[i] for i in node.boxes]
        operations = sum(item.kind == "operation" for item in items)
        lines = [plural(operations, "operation"), *_parameters(items)]
        kept = kept_in_all(items)
        lines += [f"keeps {bytes_text(kept)}"] if kept else []
        outputs = list(dict.fromkeys(shape_text(self.data.items[i].shape) for i in node.outputs))
        if "shape" in self.show and outputs:
            lines.append(f"output {shortened(', '.join(filter(None, outputs)))}")
        if "grad_norm" in self.show or "grad" in self.show:
            lines += self._gradients_of(node)
        return _folded_heading(boxes), lines

    def _gradients_of(self, node: Drawn) -> list[str]:
        """Write the size of the gradient of all parameters; of equal neighbours also of the first's and the last's."""
        items = self.data.items
        sizes = []
        for box in (None, node.boxes[0], node.boxes[-1]):
            inside = (items[i] for i, own in zip(node.items, node.owners) if box in (None, own))
            sizes.append(_pooled_rms(_parameter_gradients(inside)))
        whole, first, last = sizes
        lines = [] if whole is None else [f"gradient rms {number(_rounded(whole))}"]
        if len(node.boxes) > 1 and first is not None and last is not None:
            lines.append(f"first {number(_rounded(first))}, last {number(_rounded(last))}")
        return lines


def title_label(data: GraphData) -> str:
    """Write what the whole graph is, how much is in it and how much it keeps for the backward pass, in markup."""
    operations = sum(item.kind == "operation" for item in data.items)
    facts = [plural(operations, "operation"), *_parameters([item for item in data.items if item.kind != "leaf"])]
    leaves = sum(item.kind == "leaf" for item in data.items)
    facts += [f"{leaves} lea{'f' if leaves == 1 else 'ves'}"] if leaves else []
    kept = kept_in_all(data.items)
    facts += [f"{bytes_text(kept)} kept for the backward pass"] if kept else []
    if any(item.freed for item in data.items):
        facts.append("freed by a backward pass")
    text = f": {'; '.join(facts)}"
    return f"{_bold(data.title)}{html(text)}{NO_BREAK * (len(text) // 8)}"  # room for wider fonts


def frame_label(box: Box) -> str:
    """Write which module a frame is."""
    kind = f" {box.kind}" if box.kind and box.path and box.call == 1 else ""
    return frame_text(box.path or box.kind, f"{kind}{_call(box)}")


def frame_text(name: str, more: str = "") -> str:
    """Write a frame's name with as much room beside it, so that an arrow out of the middle does not cross it."""
    name = shortened(name)
    text = f"<td>{_bold(name)}{html(more)}</td>"
    room = f'<td width="{6 * len(name + more)}"></td>'
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>{text}{room}</tr></table>>'


def gradient_size(data: GraphData, node: Drawn) -> float | None:
    """Return the norm per element of a node's gradient, by which it is coloured; None where there is none.

    Of a folded module it is that of all its parameters; without parameters, that of its outputs.
    """
    if not node.boxes:
        return rms(data.items[node.items[0]].grad)
    grads = _parameter_gradients(data.items[i] for i in node.items)
    return _pooled_rms(grads or [grad for i in node.outputs if (grad := data.items[i].grad) is not None])


def _parameter_gradients(items: Iterable[Item]) -> list[Summary]:
    return [item.grad for item in items if item.kind in ("parameter", "leaf") and item.grad is not None]


def _pooled_rms(summaries: Iterable[Summary]) -> float | None:
    """Return the root mean square over all entries of several tensors; None for no tensors."""
    sizes = [(rms(summary), summary.size) for summary in summaries]
    entries = sum(n for _, n in sizes)
    if not sizes:
        return None
    largest = max((s for s, _ in sizes if s), default=0.0)
    if not entries or not largest or any(s is None or not math.isfinite(s) for s, _ in sizes):
        return 0.0 if not largest and not any(s != s for s, _ in sizes) else math.nan
    return largest * math.sqrt(sum(n * ((s or 0.0) / largest) ** 2 for s, n in sizes) / entries)


def _rounded(size: float) -> float:
    return float(f"{size:.2g}")


def _users_of(data: GraphData) -> dict[int, int]:
    users: dict[int, int] = {}
    for item in data.items:
        for source in item.sources:
            if source.item is not None:
                users[source.item] = users.get(source.item, 0) + 1
    return users


def _kept_by(item: Item) -> str:
    """Write how many bytes a node keeps, and the names of the largest values."""
    whole = sum({kept.memory: kept.bytes for kept in item.kept}.values())
    names = list(dict.fromkeys(kept.what for kept in sorted(item.kept, key=lambda kept: -kept.bytes)))
    more = f" and {len(names) - 2} more" if len(names) > 3 else ""
    return f"{bytes_text(whole)}: {', '.join(names[:2] if more else names)}{more}"


def _parameters(items: Sequence[Item]) -> list[str]:
    """Count numbers in parameters, and how many of them are frozen."""
    trainable = sum(math.prod(item.shape or ()) for item in items if item.kind in ("parameter", "leaf"))
    frozen = sum(math.prod(item.shape or ()) for item in items if item.kind == "frozen")
    if not trainable + frozen:
        return []
    share = "" if not frozen else (", frozen" if not trainable else f", {count_text(frozen)} frozen")
    return [plural(trainable + frozen, "parameter") + share]


def _bold(text: str) -> str:
    return f"<b>{html(shortened(text)) or NO_BREAK}</b>"  # Graphviz takes no empty one


def _named(box: Box) -> str:
    """Write which module a box is: path, kind, and which call of it."""
    name = box.path or box.kind
    kind = f" ({box.kind})" if box.kind and box.path else ""
    return f"{shortened(name)}{kind}{_call(box)}"


def _call(box: Box) -> str:
    return f", call {box.call}" if box.call > 1 else ""


def _folded_heading(boxes: Sequence[Box]) -> tuple[str, str]:
    first, last = boxes[0], boxes[-1]
    name = first.path or first.kind
    if last.path != first.path:
        name = f"{name} … {last.name}"
    kind = f" {first.kind}" if first.kind and first.path else ""
    return shortened(name), kind + (f" ×{len(boxes)}" if len(boxes) > 1 else _call(first))
