"""Loss functions as layers: ``loss(input, target)``."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .loss_functions import reduction_of
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
]


class _Loss(Module):
    """What all losses share: how the losses of the elements become one number.

    ``reduction`` is "mean", "sum", or "none" for no number. ``size_average`` and ``reduce`` are its
    older form.
    """

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction_of(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """A loss with a weight for every class (or element); it is a buffer."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """The mean of ``|input - target|``; inputs of any shape.

    Parameters
    ----------
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    reduction : {"mean", "sum", "none"}
        How the losses of the elements become one number.
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """The mean of ``(input - target)^2``; inputs of any shape.

    Parameters
    ----------
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    reduction : {"mean", "sum", "none"}
        How the losses of the elements become one number.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """``d^2 / 2 / beta`` for differences smaller than ``beta``, ``d - beta / 2`` for larger ones.

    Parameters
    ----------
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    reduction : {"mean", "sum", "none"}
        How the losses of the elements become one number.
    beta : float
        Where the parabola becomes a line.

    References
    ----------
    Girshick, "Fast R-CNN", 2015.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """``d^2 / 2`` for differences below ``delta``, ``delta * (d - delta / 2)`` for larger ones.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        How the losses of the elements become one number.
    delta : float
        Where the parabola becomes a line.

    References
    ----------
    Huber, "Robust Estimation of a Location Parameter", 1964.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence ``target * (log(target) - input)``, of log-probabilities.

    Parameters
    ----------
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    reduction : {"mean", "batchmean", "sum", "none"}
        "batchmean" divides the sum by the batch size, which is the divergence.
    log_target : bool
        Whether the target is given as log-probabilities too.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class NLLLoss(_WeightedLoss):
    """The negative log-likelihood: minus the log-probability of the right class.

    Parameters
    ----------
    weight : Tensor of shape (C,), optional
        A weight for every class.
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    ignore_index : int
        A label that does not count.
    reduction : {"mean", "sum", "none"}
        How the losses of the samples become one number; the mean is weighted.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map log-probabilities ``(N, C, *)`` and labels ``(N, *)`` to a number."""
        return F.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_WeightedLoss):
    """The cross entropy between scores and labels: :class:`NLLLoss` of their log-softmax.

    Parameters
    ----------
    weight : Tensor of shape (C,), optional
        A weight for every class.
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    ignore_index : int
        A label that does not count.
    reduction : {"mean", "sum", "none"}
        How the losses of the samples become one number; the mean is weighted.
    label_smoothing : float
        How much of the target is spread over all classes.

    Raises
    ------
    RuntimeError
        If labels are not of an integer dtype, or probabilities not of the input's shape.
    IndexError
        If a label is not one of the C classes.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for Computer
    Vision", 2016 (label smoothing).

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.CrossEntropyLoss()(tg.zeros(4, 10), tg.tensor([0, 1, 2, 3]))
    tensor(2.3026)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map scores ``(N, C, *)`` and labels ``(N, *)`` (or probabilities like the scores)."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(_WeightedLoss):
    """The binary cross entropy between probabilities and targets in [0, 1].

    Parameters
    ----------
    weight : Tensor, optional
        A weight for every element; it broadcasts against the input.
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    reduction : {"mean", "sum", "none"}
        How the losses of the elements become one number.
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """The binary cross entropy between scores and targets in [0, 1]; exact for large scores too.

    Parameters
    ----------
    weight : Tensor, optional
        A weight for every element; it broadcasts against the input.
    size_average, reduce : bool, optional
        The older form of ``reduction``.
    reduction : {"mean", "sum", "none"}
        How the losses of the elements become one number.
    pos_weight : Tensor, optional
        A weight for the positive part of every element; it broadcasts too.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Map ``(*)`` and ``(*)`` to a number, or to ``(*)`` without reduction."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
