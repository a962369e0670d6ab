"""The confusion matrix counts right and writes what it counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.viz import plots

TARGETS, PREDICTED = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
COUNTS = [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def written(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_pairs_logits_and_counts_give_the_same_matrix() -> None:
    logits = tg.tensor(5.0 * np.eye(3)[PREDICTED], requires_grad=True)
    for arguments in ((TARGETS, PREDICTED), (tg.tensor(TARGETS), logits), (COUNTS,)):
        ax = plots.confusion_matrix(*arguments).axes[0]
        np.testing.assert_array_equal(ax.images[0].get_array(), COUNTS)
        assert written(ax) == ["1", "1", "0", "0", "1", "0", "1", "0", "2"]
        assert ax.get_title() == "accuracy 66.7% (4 of 6)"


@pytest.mark.parametrize(
    ("normalize", "shares"),
    [
        ("true", [[0.5, 0.5, 0], [0, 1, 0], [1 / 3, 0, 2 / 3]]),
        ("predicted", [[0.5, 0.5, 0], [0, 0.5, 0], [0.5, 0, 1]]),
        ("all", np.array(COUNTS) / 6),
    ],
)
def test_shares_are_of_row_column_or_all(normalize: str, shares: Any) -> None:
    ax = plots.confusion_matrix(COUNTS, normalize=normalize).axes[0]
    np.testing.assert_allclose(ax.images[0].get_array(), shares)
    assert written(ax)[0] == f"{shares[0][0]:.0%}\n1"


def test_class_that_never_occurs_has_no_shares() -> None:
    ax = plots.confusion_matrix([[2, 0], [0, 0]], normalize="true", classes=["a", "b"]).axes[0]
    assert written(ax) == ["100%\n2", "0%\n0", "–\n0", "–\n0"]
    assert ax.images[0].get_array().mask.tolist() == [[False, False], [True, True]]


def test_names_beyond_those_that_occur_are_drawn() -> None:
    ax = plots.confusion_matrix([0], [0], classes=["cat", "an animal with a very long name"]).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "an animal with a ve…"]
    assert ax.images[0].get_array().shape == (2, 2)


def test_nothing_counted() -> None:
    assert plots.confusion_matrix(np.zeros((2, 2))).axes[0].get_title() == "nothing counted"
    assert plots.confusion_matrix(np.zeros((2, 2)), normalize="all").axes[0].get_title() == "nothing counted"


def test_a_hundred_classes_are_drawn_without_numbers() -> None:
    figure = plots.confusion_matrix(np.eye(100, dtype=int))
    assert written(figure.axes[0]) == []
    assert len(figure.axes[0].get_xticks()) <= 40
    figure.draw_without_rendering()


def test_letters_stand_out_from_their_cell() -> None:
    for dark in (False, True):
        ax = plots.confusion_matrix([[50, 1], [20, 30]], dark=dark).axes[0]
        image = ax.images[0]
        for text, value in zip(ax.texts, (50, 1, 20, 30)):
            behind = np.array(image.cmap(image.norm(value))[:3]).mean()
            front = 0.07 if text.get_color() == "#111111" else 1.0
            assert abs(behind - front) > 0.35


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2],), {}, r"counts have shape \(2,\), not \(C, C\); with targets \(N,\) give predictions"),
        (([[1, 2]],), {}, r"counts have shape \(1, 2\), not \(C, C\)"),
        (([[float("nan")]],), {}, r"counts must be finite and not negative"),
        (([[-1]],), {}, r"counts must be finite and not negative"),
        (([0, 1], [0]), {}, r"2 targets but 1 predictions; give one for each, and at least one"),
        (([], []), {}, r"0 targets but 0 predictions"),
        (([0.5], [0]), {}, r"targets must be class numbers 0, 1, 2 \.\.\., but some are negative or not whole"),
        (([-1], [0]), {}, r"targets must be class numbers"),
        (([float("nan")], [0]), {}, r"targets must be class numbers"),
        (([[0]], [0]), {}, r"targets has shape \(1, 1\); give one class number for each example, \(N,\)"),
        (([0], [[[0]]]), {}, r"predictions has shape \(1, 1, 1\); give classes \(N,\), or logits \(N, C\)"),
        (([0, 0], [[0, 1], [float("nan"), 1]]), {}, r"1 rows of logits are not finite"),
        (([0, 2], [0, 1]), {"classes": ["a", "b"]}, r"3 classes but 2 names; give classes= a name for each"),
        (([[1]],), {"normalize": "rows"}, r"normalize='rows' must be None or one of \['true', 'predicted', 'all'\]"),
    ],
)
def test_mistakes(arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^confusion_matrix: " + message):
        plots.confusion_matrix(*arguments, **options)
