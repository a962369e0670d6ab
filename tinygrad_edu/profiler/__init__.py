"""Where the time and the memory of a program go: a table of its ops, and a trace to look at."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recorder import record_function
    from .schedules import ProfilerAction, schedule
    from .session import ProfilerActivity, profile, supported_activities

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
]

_HOMES = {"record_function": ".recorder", "ProfilerAction": ".schedules", "schedule": ".schedules"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a name when it is first asked for: most programs are not profiled, and need not wait for it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES.get(name, ".session"), __name__), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
