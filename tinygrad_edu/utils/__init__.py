"""What training needs around the model: loading data, trading time for memory."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
