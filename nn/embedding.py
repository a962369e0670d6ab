"""The table of vectors that integers are looked up in."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A table with one vector for each of ``num_embeddings`` integers.

    Parameters
    ----------
    num_embeddings : int
        V, the number of rows.
    embedding_dim : int
        D, the length of a row.
    padding_idx : int, optional
        A row that starts as zeros and gets no gradient.
    max_norm, norm_type, scale_grad_by_freq, sparse
        PyTorch's options, which are not offered.
    device : optional
        Accepted for PyTorch programs; only "cpu" exists.
    dtype : dtype, optional
        Of the table.

    Attributes
    ----------
    weight : Parameter of shape (V, D)
        Drawn from the normal distribution of mean 0 and standard deviation 1.

    Raises
    ------
    AssertionError
        If ``padding_idx`` is not a row.
    NotImplementedError
        If one of the options that are not offered is used.
    IndexError
        In forward, if an integer has no row.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.Embedding(10, 3)(tg.tensor([[1, 2, 4, 5]])).shape
    (1, 4, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if max_norm is not None or scale_grad_by_freq or sparse:
            raise NotImplementedError(
                f"Embedding: max_norm={max_norm}, scale_grad_by_freq={scale_grad_by_freq}, "
                f"sparse={sparse} are not offered; leave them out, rows are not rescaled and "
                "gradients are dense."
            )
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = _row(padding_idx, num_embeddings)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        shape = (num_embeddings, embedding_dim)
        if _weight is not None and _weight.shape != shape:
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim: got "
                f"{_weight.shape}, expected {shape}."
            )
        table = empty(shape, device=device, dtype=dtype) if _weight is None else _weight
        self.weight = Parameter(table, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make a layer on the memory of a given table ``(V, D)``.

        Parameters
        ----------
        embeddings : Tensor of shape (V, D)
            The table.
        freeze : bool
            Whether it wants no gradient.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As for the class.
        """
        if embeddings.ndim != 2:
            raise AssertionError(
                "Embeddings parameter is expected to be 2-dimensional: got shape "
                f"{embeddings.shape}, the rows are the vectors."
            )
        rows, size = embeddings.shape
        return cls(
            rows,
            size,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )

    def forward(self, input: Tensor) -> Any:
        """Map integers ``(*)`` to vectors ``(*, D)``."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Show the sizes, and what is not usual."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        return text


def _row(padding_idx: int | None, rows: int) -> int | None:
    """Count a row from the start, and check that it is there."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings: got {padding_idx} for {rows} rows.")
    return padding_idx % rows
