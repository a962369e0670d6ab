"""Pictures of the recorded graph."""

from .graph import GraphView, graph

__all__ = ["GraphView", "graph"]
