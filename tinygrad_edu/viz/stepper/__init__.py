"""The page on which a reader goes through the forward and the backward pass, step by step."""

from .page import page

__all__ = ["page"]
