"""Statistics of weights, activations and gradients over the training of a model, and their pictures."""

from .results import Recording, record

__all__ = ["Recording", "record"]
