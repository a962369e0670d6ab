"""Pictures that people expect: curves, confusion, filters, saliency, regions, surfaces, grids of images.

Every function returns a matplotlib Figure of its own making, or draws into the axes or figure it is given. None
needs a display, opens a window, or changes pyplot's state; a model is left as it was found. matplotlib is imported
by the functions that draw: ``pip install "tinygrad-edu[viz]"``.
"""

from .confusion import confusion_matrix
from .curves import training_curves
from .functions import activations
from .grids import before_after, predictions
from .inputs import saliency
from .layers import feature_maps, filters
from .regions import decision_regions
from .surface import loss_surface

__all__ = [
    "activations",
    "before_after",
    "confusion_matrix",
    "decision_regions",
    "feature_maps",
    "filters",
    "loss_surface",
    "predictions",
    "saliency",
    "training_curves",
]
