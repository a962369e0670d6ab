"""Pictures: of the recorded graph, of the backward pass step by step, of training, of what a network does."""

from . import plots
from .recording import Recording, record
from .tracing import trace
from .view import GraphView, graph

__all__ = ["GraphView", "Recording", "graph", "plots", "record", "trace"]
