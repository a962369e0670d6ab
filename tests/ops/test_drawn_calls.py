"""Derivatives of every op on calls that hypothesis draws: other shapes, dims, values and memory than its cases have."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from support.calls import EVERYTHING, outputs
from support.drawn import DIFFERENTIABLE, KINKED, drawn_calls
from tinygrad_edu.testing import check_gradients_given

# A few for each of many ops in the profile "fast"; 100 of each in "thorough".
EXAMPLES = settings().max_examples // 5


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_are_right_to_second_order(name: str) -> None:
    check_gradients_given(drawn_calls(name), order=2, max_examples=EXAMPLES)(EVERYTHING[name])()


# The gradient of hypot at the origin is NaN, as in PyTorch.
@pytest.mark.parametrize("name", [name for name in KINKED if name != "hypot"])
def test_what_is_returned_at_a_kink_is_a_subgradient(name: str) -> None:
    def is_defined(call: Any) -> bool:
        """Tell whether the function is finite there: the points that are left out are poles too."""
        with warnings.catch_warnings(action="ignore"):
            results = outputs(EVERYTHING[name](*call.args, **call.kwargs))
        return all(np.isfinite(getattr(result, "array", result)).all() for result in results)

    calls = drawn_calls(name, kinks=True).filter(is_defined)
    check_gradients_given(calls, order=1, max_examples=2 * EXAMPLES)(EVERYTHING[name])()
