"""``profile``: when to record, and what to ask of the result."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Self

from .events import EventList
from .hooks import Hooks
from .recorder import Recorder, record_function, running
from .schedules import ProfilerAction
from .trace import write_trace

__all__ = ["ProfilerActivity", "profile", "supported_activities"]

_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
_lock = threading.Lock()


class ProfilerActivity(Enum):
    """What can be recorded: here the CPU only; CUDA is named for programs that ask for it."""

    CPU = 0
    CUDA = 1


def supported_activities() -> set[ProfilerActivity]:
    """Return what can be recorded."""
    return {ProfilerActivity.CPU}


class profile:
    """Record how long every op takes, forward and backward, and how much memory its results take.

    ``with profile() as prof: ...``, then ``prof.key_averages().table()`` or ``prof.export_chrome_trace(path)``. The
    profile is of the whole process: of what all threads do until it ends. One can run at a time.

    Parameters
    ----------
    activities : iterable of ProfilerActivity, optional
        Of use in PyTorch; here ``CPU`` is all there is.
    schedule : callable, optional
        From the number of a step to a :class:`ProfilerAction`, see :func:`schedule`; then call :meth:`step` after every
        step of the program. None: record from the beginning to the end.
    on_trace_ready : callable, optional
        Called with the profile when a recording is complete: at the end of every cycle of the schedule.
    record_shapes : bool
        Note the shapes of the inputs.
    profile_memory : bool
        Note how many bytes the results of every op take, and how many of them are kept for the backward pass.
    with_stack : bool
        Note the lines of the program that call every op.
    with_modules : bool
        Time the modules too, and note for every op, forward and backward, to which module it belongs.

    Raises
    ------
    AssertionError
        If ``activities`` names nothing that can be recorded.
    TypeError
        If it holds anything but activities.
    RuntimeError
        On entering, if another profile is running.

    Notes
    -----
    An op's time is that of its work on arrays. Recording itself takes a few microseconds for each call; they lie
    outside of the op's own time, in that of what stands around it.

    ``CPU Mem`` counts results: arrays that an op returned and that are no views of its inputs. Arrays that it used and
    dropped on the way are not seen. PyTorch counts what was allocated less what was freed.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.profiler import profile
    >>> x = tg.ones(3, requires_grad=True)
    >>> with profile() as prof:
    ...     (x * x).sin().backward(tg.ones(3))
    >>> [event.name for event in prof.events()]
    ['mul', 'sin', 'autograd::engine', 'SinBackward0', 'cos', 'MulBackward0', 'AccumulateGrad']
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
    ) -> None:
        self.activities = supported_activities() if activities is None else _checked(activities)
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.with_stack, self.with_modules = with_stack, with_modules
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self._has_steps = schedule is not None
        self.schedule = schedule or (lambda _: ProfilerAction.RECORD)
        self.current_action = self.schedule(0)
        self._recorder: Recorder | None = None  # of the recording that runs, or else of the last one
        self._hooks: Hooks | None = None
        self._step: record_function | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # ---- when to record

    def start(self) -> None:
        """Begin, as entering the ``with`` block does."""
        self._transit(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """End, as leaving the ``with`` block does."""
        self._end_step()
        self._transit(self.current_action, None)

    def step(self) -> None:
        """Say that the next step of the program begins."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._transit(before, self.current_action)
        self._begin_step()

    def _begin_step(self) -> None:
        if self._has_steps and self._hooks is not None:
            self._step = record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__()
            self._step = None

    def _transit(self, before: ProfilerAction, now: ProfilerAction | None) -> None:
        """End one recording and begin another where the action asks for it; ``now`` is None at the end."""
        if before is ProfilerAction.WARMUP and now is ProfilerAction.NONE:
            warnings.warn("Incorrect schedule: WARMUP followed by NONE", stacklevel=3)
        if before is ProfilerAction.RECORD and now in (ProfilerAction.NONE, ProfilerAction.WARMUP):
            warnings.warn(f"Incorrect schedule: RECORD followed by {now.name}", stacklevel=3)
        goes_on = before is now or (before is ProfilerAction.RECORD and now in _RECORDING)
        if self._hooks is not None and (before is ProfilerAction.RECORD_AND_SAVE or not goes_on):
            self._end_recording()
            is_complete = before is ProfilerAction.RECORD_AND_SAVE or (before is ProfilerAction.RECORD and now is None)
            if is_complete and self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if self._hooks is None and now not in (None, ProfilerAction.NONE):
            self._begin_recording()

    def _begin_recording(self) -> None:
        with _lock:
            if running.recorder is not None:
                raise RuntimeError(
                    "profile: a profile is running already, and one records the whole process. End that one first; "
                    "to tell parts of a program apart, label them with record_function."
                )
            recorder = self._make_recorder()
            hooks = Hooks(recorder)
            hooks.install()
            running.recorder, self._recorder, self._hooks = recorder, recorder, hooks
            recorder.start()

    def _make_recorder(self) -> Recorder:
        return Recorder(self.record_shapes, self.profile_memory, self.with_stack, self.with_modules)

    def _end_recording(self) -> None:
        assert self._hooks is not None
        assert self._recorder is not None
        running.recorder = None
        try:
            self._recorder.close()
        finally:
            self._hooks.remove()
            self._hooks = None

    # ---- what was recorded

    def events(self) -> EventList:
        """Return every call, in the order in which they began."""
        recorder = self._recorded("accessing events")
        events = sorted(recorder.events, key=lambda event: event.id)
        return EventList(events, summary=recorder.summary(), memory=self.profile_memory)

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_module: bool = False
    ) -> EventList:
        """Sum the calls by name.

        Parameters
        ----------
        group_by_input_shape : bool
            Keep calls with other shapes of inputs apart; needs ``record_shapes``.
        group_by_stack_n : int
            Keep calls from other lines apart: the innermost so many are compared; needs ``with_stack``.
        group_by_module : bool
            Keep calls that belong to other modules apart; needs ``with_modules``. PyTorch does not have it.

        Returns
        -------
        EventList
            Print it, or its :meth:`~tinygrad_edu.profiler.events.EventList.table`.
        """
        self._recorded("getting key averages")
        needs = {
            "group_by_input_shape": ("record_shapes", bool(group_by_input_shape)),
            "group_by_stack_n": ("with_stack", group_by_stack_n > 0),
            "group_by_module": ("with_modules", group_by_module),
        }
        for option, (switch, wanted) in needs.items():
            if wanted and not getattr(self, switch):
                warnings.warn(f"key_averages: {option} does nothing without profile({switch}=True)", stacklevel=2)
        return self.events().key_averages(group_by_input_shape, group_by_stack_n, group_by_module)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a trace for chrome://tracing or https://ui.perfetto.dev, compressed if the path ends in ``.gz``."""
        write_trace(path, self._recorded("exporting chrome trace"))

    def _recorded(self, what: str) -> Recorder:
        if self._recorder is None:
            raise AssertionError(f"Profiler must be initialized before {what}: nothing was recorded yet.")
        return self._recorder


def _checked(activities: Iterable[ProfilerActivity]) -> set[ProfilerActivity]:
    """Return what of the activities can be recorded."""
    found: set[ProfilerActivity] = set()
    for activity in activities:
        if not isinstance(activity, ProfilerActivity):
            raise TypeError(f"Expected ProfilerActivity, got {type(activity).__name__}: {activity!r}.")
        if activity in found:
            raise ValueError(f"Activity {activity} specified more than once")
        found.add(activity)
    if ProfilerActivity.CUDA in found:
        warnings.warn("CUDA is not available, disabling CUDA profiling", stacklevel=4)
    if not found & supported_activities():
        raise AssertionError("No valid profiler activities found")
    return found & supported_activities()
