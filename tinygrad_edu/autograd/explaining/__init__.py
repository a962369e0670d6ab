"""Why a gradient is None, zero or NaN: read from the graph, from a trace, and from a backward pass that is watched."""

from .explanation import Cause, Explanation, Place, explain

__all__ = ["Cause", "Explanation", "Place", "explain"]
