"""Adam, and AdamW: steps scaled by running averages of the gradient and of its square."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..creation import tensor, zeros_like
from ..dtypes import float32, float64, get_default_dtype
from ..kernels import accelerated
from ..tensor import Tensor
from .blocks import Job, blocks, share
from .optimizer import Optimizer, Params, check_lr, gradient_of, refuse_implementations

__all__ = ["Adam", "AdamW"]

Array = np.ndarray[Any, Any]
Betas = tuple[float | Tensor, float | Tensor]


class Adam(Optimizer):
    r"""Adam: adaptive moment estimation.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What to optimize; a dict is a group of parameters with options of its own.
    lr : float or Tensor
        The learning rate, :math:`\gamma`: about the size of a step in each entry, whatever the
        gradient's scale.
    betas : (float, float)
        How slowly the averages of the gradient and of its square forget.
    eps : float
        Added to the denominator.
    weight_decay : float
        The strength of the L2 penalty, :math:`\lambda`.
    amsgrad : bool
        Divide by the largest average of squares so far instead of by the current one.
    maximize : bool
        Go up instead of down.
    decoupled_weight_decay : bool
        Shrink the parameters directly instead of through the gradient; that is :class:`AdamW`.
    foreach, capturable, differentiable, fused : None or False
        Choices among PyTorch's implementations; there is one here.

    Raises
    ------
    ValueError
        If an option is out of its range.

    Notes
    -----
    .. math::
        g &\leftarrow \nabla f(\theta) + \lambda \theta \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \theta &\leftarrow \theta - \gamma \,
            \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}

    The averages start at zero and are too small at first; dividing by :math:`1 - \beta^t` corrects
    it.

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015.
    S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", 2018 (``amsgrad``).

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> w = tg.tensor([1.0, -200.0], requires_grad=True)
    >>> optimizer = tg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([   0.9000, -199.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        refuse_implementations(self, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        check_lr(lr)
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}; Adam needs eps >= 0.")
        _check_betas(betas)
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}; Adam needs weight_decay >= 0.")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        jobs: list[Job] = []
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * bool(group["amsgrad"])
        numbers: dict[float, AdamNumbers] = {}  # parameters that took as many steps share them
        for param in params:
            state = self.state[param] or self._new_state(param, group)
            step = state["step"].array
            step += 1
            count = step.item()
            if count not in numbers:
                numbers[count] = AdamNumbers.of(group, count)
            averages = [state[name].array for name in names]
            jobs.append(((gradient_of(param), param.array, *averages), numbers[count]))
        share(adam_step, jobs)

    def _new_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        counts_in = float64 if get_default_dtype() == float64 else float32  # as PyTorch counts
        state["step"] = tensor(0.0, dtype=counts_in)
        state["exp_avg"] = zeros_like(param)
        state["exp_avg_sq"] = zeros_like(param)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(param)
        return state


class AdamW(Adam):
    r"""Adam with decoupled weight decay.

    Parameters, attributes and errors are those of :class:`Adam`, but for the larger
    ``weight_decay``.

    Notes
    -----
    In Adam an L2 penalty becomes part of the gradient and is divided by its running size, so that
    parameters with large gradients are hardly decayed. Here all shrink alike, before the step:
    :math:`\theta \leftarrow (1 - \gamma \lambda) \theta`.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", 2019.
    """

    _fixed: ClassVar[dict[str, Any]] = {"decoupled_weight_decay": True}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


def _check_betas(betas: Betas) -> None:
    for i, beta in enumerate(betas):
        if isinstance(beta, Tensor) and beta.array.size != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element; it has shape {list(beta.shape)}.")
        if not 0.0 <= float(beta) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}; Adam needs 0 <= beta < 1.")
    kinds = [Tensor if isinstance(beta, Tensor) else type(beta) for beta in betas]
    if kinds not in ([float, float], [Tensor, Tensor]):
        raise ValueError(f"betas must be either both floats or both Tensors; got {betas}.")


class AdamNumbers(NamedTuple):
    """The numbers that one step of one parameter needs."""

    beta1: float
    beta2: float
    lr: float
    eps: float
    penalty: float
    shrink: float
    maximize: bool

    @classmethod
    def of(cls, group: dict[str, Any], step: float) -> AdamNumbers:
        """Read them from a group's options; ``step`` counts from 1."""
        beta1, beta2 = (float(beta) for beta in group["betas"])
        lr, decay = float(group["lr"]), float(group["weight_decay"])
        penalty, shrink = (0.0, 1 - lr * decay) if group["decoupled_weight_decay"] else (decay, 1.0)
        # lr (m / c1) / (sqrt(v / c2) + eps) = (lr sqrt(c2) / c1) m / (sqrt(v) + sqrt(c2) eps): one
        # pass over the arrays less (Kingma and Ba, end of section 2).
        c1, root = 1 - beta1**step, (1 - beta2**step) ** 0.5
        return cls(beta1, beta2, lr * root / c1, float(group["eps"]) * root, penalty, shrink, bool(group["maximize"]))


@accelerated
def adam_step(g: Array, x: Array, m: Array, v: Array, *largest_and_numbers: Any) -> None:
    """Take one step, in place, of the parameter ``x`` with the gradient ``g``.

    What follows the averages ``m`` and ``v`` is the largest ``v`` so far, with amsgrad only, and the numbers.
    """
    *largest, numbers = largest_and_numbers
    for piece in blocks(g, x, m, v, *largest):
        _step(numbers, *piece)


def _step(numbers: AdamNumbers, g: Array, x: Array, m: Array, v: Array, *largest_and_buffer: Array) -> None:
    """Compute the formulas of the class, line by line; ``s`` is a buffer."""
    *largest, s = largest_and_buffer
    if numbers.maximize:
        g = -g
    if numbers.penalty:
        g = g + numbers.penalty * x
    if numbers.shrink != 1:
        x *= numbers.shrink
    np.subtract(g, m, out=s)  # m += (1 - beta1) (g - m)
    s *= 1 - numbers.beta1
    m += s
    v *= numbers.beta2  # v = beta2 v + (1 - beta2) g²
    np.multiply(g, g, out=s)
    s *= 1 - numbers.beta2
    v += s
    if largest:
        v = np.maximum(largest[0], v, out=largest[0])
    np.sqrt(v, out=s)  # x -= lr m / (sqrt(v) + eps)
    s += numbers.eps
    np.divide(m, s, out=s)
    s *= numbers.lr
    x -= s
