"""What was measured: single calls, their sums by name, and the lists of either.

It knows numbers and names, not how they are taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .table import build_table

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "Summary"]


@dataclass(frozen=True)
class Interval:
    """From when to when, in microseconds since the profile began."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """Return the length."""
        return self.end - self.start


@dataclass(frozen=True)
class Summary:
    """What holds for the profile as a whole: microseconds and bytes; bytes are None without ``profile_memory``."""

    wall: float
    outside: float
    phases: dict[str, float]
    peak_results: int | None = None
    peak_kept: int | None = None


class FunctionEvent:
    """One timed call: of an op, of a node's backward, of an optimizer, of a module, or a labelled block.

    Attributes
    ----------
    name : str
        ``mul``, ``MulBackward0``, ``Optimizer.step#Adam.step``, ``nn.Module: Net.conv1``, or the label.
    phase : str
        ``forward``, ``backward`` or ``optimizer``: which part of a training step it belongs to.
    kind : str
        ``op``, ``engine``, ``optimizer``, ``module`` or ``user_annotation``.
    thread : int
        The operating system's number of the thread.
    cpu_parent : FunctionEvent or None
        The call inside which it ran.
    cpu_children : list of FunctionEvent
        The calls that ran directly inside it.
    input_shapes : list
        The inputs' shapes, with ``record_shapes``.
    stack : list of str
        The lines that called it, innermost first, without this package's own; with ``with_stack``. A backward call
        has those of the forward call that it belongs to.
    module_hierarchy : str
        The module in whose forward it ran, or whose forward it differentiates; with ``with_modules``.
    forward : FunctionEvent or None
        For a backward call: the forward call, where it was seen.
    self_cpu_memory_usage : int
        Bytes of the results that it made, without those of the calls inside it; with ``profile_memory``.
    kept_memory_usage : int
        Bytes of results that it was the first to keep for the backward pass; with ``profile_memory``.
    """

    __slots__ = (
        *("args", "cpu_children", "cpu_parent", "finish_ns", "forward", "id", "inner_ns", "input_shapes"),
        *("kept_memory_usage", "kind", "module_hierarchy", "name", "phase", "self_cpu_memory_usage", "stack"),
        *("start_ns", "thread"),
    )

    count = 1

    def __init__(self, id: int, name: str, kind: str, thread: int, parent: FunctionEvent | None) -> None:
        self.id, self.name, self.kind, self.thread, self.cpu_parent = id, name, kind, thread, parent
        self.phase = "forward" if parent is None else parent.phase
        self.module_hierarchy = "" if parent is None else parent.module_hierarchy
        self.args: str | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.forward: FunctionEvent | None = None
        self.input_shapes: list[Any] = []
        self.stack: list[str] = []
        self.start_ns = self.finish_ns = self.inner_ns = 0
        self.self_cpu_memory_usage = self.kept_memory_usage = 0

    def __repr__(self) -> str:
        return f"<FunctionEvent {self.name} {self.phase} {self.cpu_time_total:.3f}us>"

    @property
    def key(self) -> str:
        """The name that it is summed under."""
        return "ProfilerStep*" if self.name.startswith("ProfilerStep#") else self.name

    @property
    def time_range(self) -> Interval:
        """From when to when."""
        return Interval(self.start_ns / 1000, self.finish_ns / 1000)

    @property
    def is_user_annotation(self) -> bool:
        """Whether it is a block that was labelled with ``record_function``."""
        return self.kind == "user_annotation"

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from its beginning to its end."""
        return (self.finish_ns - self.start_ns) / 1000

    @property
    def cpu_time(self) -> float:
        """The same: the average of one call."""
        return self.cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds without the calls inside it."""
        return (self.finish_ns - self.start_ns - self.inner_ns) / 1000

    @property
    def cpu_memory_usage(self) -> int:
        """Bytes of the results that it and the calls inside it made."""
        return self.self_cpu_memory_usage + sum(child.cpu_memory_usage for child in self.cpu_children)

    def is_nested_in_its_like(self) -> bool:
        """Tell whether it ran inside a call of the same name: that one's total has it already."""
        outer = self.cpu_parent
        while outer is not None and outer.key != self.key:
            outer = outer.cpu_parent
        return outer is not None


class FunctionEventAvg:
    """The calls of one name together.

    Attributes
    ----------
    key : str
        The name.
    count : int
        How many calls.
    cpu_time_total, self_cpu_time_total : float
        Microseconds of all calls, with and without the calls inside them. A call inside one of the same name counts
        once.
    cpu_memory_usage, self_cpu_memory_usage, kept_memory_usage : int
        Bytes, as in :class:`FunctionEvent`.
    """

    def __init__(self, key: str) -> None:
        self.key, self.count = key, 0
        self.input_shapes: list[Any] = []
        self.stack: list[str] = []
        self.module_hierarchy = ""
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_memory_usage = self.self_cpu_memory_usage = self.kept_memory_usage = 0
        self._total_ns = self._self_ns = self._sum_ns = 0

    def __repr__(self) -> str:
        return f"<FunctionEventAvg {self.key} calls={self.count} self_cpu_time={self.self_cpu_time_total:.3f}us>"

    def add(self, event: FunctionEvent) -> None:
        """Add one call."""
        if not self.count:
            self.cpu_parent = event.cpu_parent
        elapsed = event.finish_ns - event.start_ns
        self.count += 1
        self._sum_ns += elapsed
        self._self_ns += elapsed - event.inner_ns
        self.self_cpu_memory_usage += event.self_cpu_memory_usage
        self.kept_memory_usage += event.kept_memory_usage
        if not event.is_nested_in_its_like():
            self._total_ns += elapsed
            self.cpu_memory_usage += event.cpu_memory_usage

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    @property
    def cpu_time_total(self) -> float:
        """Microseconds of all calls."""
        return self._total_ns / 1000

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all calls without the calls inside them."""
        return self._self_ns / 1000

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call, on average."""
        return self._sum_ns / self.count / 1000 if self.count else 0.0


class EventList(list[Any]):
    """A list of events that can print itself as a table."""

    def __init__(self, events: Iterable[Any] = (), *, summary: Summary | None = None, memory: bool = False) -> None:
        super().__init__(events)
        self.summary, self._memory = summary, memory

    def __str__(self) -> str:
        return self.table()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all rows without what runs inside them: nothing is counted twice."""
        return float(sum(event.self_cpu_time_total for event in self))

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int | None = 75,
        max_name_column_width: int | None = 55,
        max_shapes_column_width: int | None = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """Return the events as a table, one row each.

        Parameters
        ----------
        sort_by : str, optional
            ``self_cpu_time_total``, ``cpu_time_total``, ``cpu_time``, ``count``, ``self_cpu_memory_usage``,
            ``cpu_memory_usage`` or ``kept_memory_usage``, largest first; None: as they were first called.
        row_limit : int
            How many rows; -1 for all.
        max_src_column_width, max_name_column_width, max_shapes_column_width : int, optional
            Where to cut long texts; None: nowhere.
        header : str, optional
            A line above the table.
        top_level_events_only : bool
            Leave out what ran inside another event.
        time_unit : str, optional
            "s", "ms" or "us" for all times; None: what suits each.

        Returns
        -------
        str

        Raises
        ------
        AttributeError
            If there is no such key to sort by.
        ValueError
            If the time unit is none of the three.
        """
        return build_table(
            self,
            self.summary,
            sort_by=sort_by,
            row_limit=row_limit,
            widths=(max_name_column_width, max_shapes_column_width, max_src_column_width),
            header=header,
            top_level_events_only=top_level_events_only,
            time_unit=time_unit,
            memory=self._memory,
        )

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_module: bool = False,
    ) -> EventList:
        """Sum the events by name; see :meth:`tinygrad_edu.profiler.profile.key_averages`."""
        groups: dict[tuple[Any, ...], FunctionEventAvg] = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shapes else []
            stack = event.stack[:group_by_stack_n]
            module = event.module_hierarchy if group_by_module else ""
            group = groups.setdefault((event.key, str(shapes), *stack, module), FunctionEventAvg(event.key))
            group.input_shapes, group.stack, group.module_hierarchy = shapes, stack, module
            group.add(event)
        return EventList(groups.values(), summary=self.summary, memory=self._memory)

    def total_average(self) -> FunctionEventAvg:
        """Add up all events into one."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total
