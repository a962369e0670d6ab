"""Functions, initialisation and utilities of nn against PyTorch's: a story is told to both."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from support.stories import Story, assert_same, refusal, values

torch = pytest.importorskip("torch")

STORIES: list[Story] = []


def story(function: Story) -> Story:
    STORIES.append(function)
    return function


NUMBERS = [[-7.0, -2.5, -0.5, 0.0], [0.3, 1.0, 3.5, 7.0]]
IN_PLACE: list[tuple[str, tuple[Any, ...]]] = [
    ("relu", ()),
    ("relu6", ()),
    ("selu", ()),
    ("silu", ()),
    ("mish", ()),
    ("hardswish", ()),
    ("hardsigmoid", ()),
    ("leaky_relu", (0.1,)),
    ("elu", (0.7,)),
    ("celu", (0.7,)),
    ("threshold", (0.1, 0.5)),
    ("hardtanh", (-0.6, 2.0)),
]


@pytest.mark.parametrize(("name", "args"), IN_PLACE, ids=[n for n, _ in IN_PLACE])
def test_in_place_form_is_pytorchs(name: str, args: tuple[Any, ...]) -> None:
    def tell(lib: Any) -> Any:
        function = getattr(lib.nn.functional, name)
        x = lib.tensor(NUMBERS, requires_grad=True)
        y = x * 1
        z = function(y, *args, inplace=True)
        z.sum().backward()
        plain = lib.tensor(NUMBERS)
        function(plain, *args, inplace=True)
        row = lib.zeros(2, 4)
        row += x.detach()
        function(row[0], *args, inplace=True)
        return [
            z is y,
            values(z),
            values(x.grad),
            plain._version,
            values(plain),
            values(row),
            refusal(lambda: function(x, *args, inplace=True))[0],
        ]

    assert_same(tell(tg), tell(torch))


@story
def dropout_where_nothing_is_random(lib: Any) -> Any:
    F, x = lib.nn.functional, lib.tensor(NUMBERS, requires_grad=True)
    y = x * 1
    seen = [
        F.dropout(x, 0.5, training=False) is x,
        F.dropout(x, 0.0) is x,
        values(F.dropout(x, 1.0)),
        F.dropout(y, 1.0, inplace=True) is y,
        y._version,
        values(y),
        refusal(lambda: F.dropout(x, 1.5)),
        refusal(lambda: F.dropout2d(x, -0.5)),
        refusal(lambda: lib.nn.Dropout(2)),
        refusal(lambda: F.dropout1d(x[0]))[0],
        values(F.alpha_dropout(x, 1.0, training=True)),
        F.alpha_dropout(x, 0.5) is x,
        values(F.dropout(lib.tensor([math.inf]), 1.0))[0] != 0,
    ]
    F.dropout(x, 1.0).sum().backward()
    return [*seen, values(x.grad)]


@story
def dropout_of_ones_has_two_values(lib: Any) -> Any:
    F = lib.nn.functional
    lib.manual_seed(1)
    seen = []
    for name, shape in (
        ("dropout", (40, 50)),
        ("dropout1d", (40, 50, 3)),
        ("dropout2d", (40, 50, 2, 2)),
    ):
        x = lib.ones(*shape, requires_grad=True)
        out = getattr(F, name)(x, 0.2)
        out.sum().backward()
        array = out.detach().numpy()
        flat = array.reshape(40, 50, -1)
        seen.append(sorted({round(float(v), 5) for v in array.ravel()}))
        seen.append(bool((flat == flat[:, :, :1]).all()))
        seen.append(bool(abs(float((array == 0).mean()) - 0.2) < 0.04))
        seen.append(bool((x.grad.numpy() == array).all()))
    y = lib.ones(2000) * 1
    F.dropout(y, 0.2, inplace=True)
    z = F.alpha_dropout(lib.ones(2000), 0.3, training=True).numpy()
    return [
        *seen,
        sorted({round(float(v), 4) for v in y.numpy()}),
        sorted({round(float(v), 4) for v in z}),
    ]


@story
def batch_norm_writes_its_statistics(lib: Any) -> Any:
    F = lib.nn.functional
    x = lib.tensor([[1.0, 2.0], [3.0, 6.0], [2.0, 1.0]])
    mean, var = lib.zeros(2), lib.ones(2)
    out = F.batch_norm(x, mean, var, training=True, momentum=0.5)
    seen = [values(out), values(mean), values(var)]
    F.batch_norm(x, mean, var)
    seen += [values(mean), values(F.batch_norm(x, mean, var), 4)]
    seen += [refusal(lambda: F.batch_norm(x[:1], mean, var, training=True))[0]]
    seen += [refusal(lambda: F.batch_norm(x, mean, var, training=True, eps=0.0))]
    seen += [refusal(lambda: F.batch_norm(x, mean, var, eps=-1.0))]
    images = lib.tensor([[[1.0, 2.0, 4.0], [0.0, 1.0, 5.0]]])
    before = mean._version
    F.instance_norm(images, mean, var)
    return [*seen, values(mean), values(var), mean._version - before]


@story
def batch_norm_layers_refuse_other_ranks(lib: Any) -> Any:
    nn = lib.nn
    return [
        refusal(lambda: nn.BatchNorm1d(2)(lib.ones(2, 2, 2, 2))),
        refusal(lambda: nn.BatchNorm2d(2)(lib.ones(2, 2))),
        refusal(lambda: nn.InstanceNorm1d(2)(lib.ones(2)))[0],
        refusal(lambda: nn.BatchNorm1d(2)(lib.ones(1, 2)))[0],
    ]


@story
def a_changed_statistic_is_noticed(lib: Any) -> Any:
    m = lib.nn.BatchNorm1d(2)
    x = lib.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    m(x)
    m(x)
    seen = [int(m.num_batches_tracked), values(m.running_mean), m.num_batches_tracked._version]
    m.eval()(x)
    m.momentum = None
    m.train()(x)
    return [*seen, int(m.num_batches_tracked), values(m.running_mean), values(m.running_var)]


@story
def older_arguments_of_losses(lib: Any) -> Any:
    F, nn = lib.nn.functional, lib.nn
    x, y = lib.tensor([1.0, 2.0]), lib.tensor([1.0, 4.0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen = [
            values(F.mse_loss(x, y, False)),
            values(F.mse_loss(x, y, None, False)),
            values(F.mse_loss(x, y, True, True)),
            values(F.l1_loss(x, y, size_average=False)),
            nn.MSELoss(False).reduction,
            nn.NLLLoss(reduce=False).reduction,
            nn.BCELoss(None, True).reduction,
        ]
    return [*seen, [str(w.message) for w in caught]]


@story
def weighted_losses(lib: Any) -> Any:
    F = lib.nn.functional
    x, y, w = lib.tensor([1.0, 2.0, 0.5]), lib.tensor([1.0, 4.0, 0.0]), lib.tensor([1.0, 2.0, 3.0])
    seen = []
    for name in ("mse_loss", "l1_loss", "huber_loss"):
        function = getattr(F, name)
        seen += [values(function(x, y, reduction=r, weight=w)) for r in ("mean", "sum", "none")]
        seen.append(refusal(lambda function=function: function(x, y, weight=w[:2])))
    return seen


@story
def activations_with_arguments(lib: Any) -> Any:
    F, x = lib.nn.functional, lib.tensor(NUMBERS)
    return [
        values(F.softmax(x, 1, dtype=lib.float64), 6),
        str(F.softmax(x, 1, dtype=lib.float64).dtype).removeprefix("torch."),
        values(F.log_softmax(x, 0), 4),
        values(F.softmin(x, dim=-1), 4),
        values(F.prelu(x, lib.tensor([0.5]))),
        values(F.prelu(x, lib.tensor([0.5, 1.0, 2.0, 3.0]))),
        refusal(lambda: F.prelu(x, lib.tensor([0.5, 1.0])))[0],
        values(F.glu(x)),
        values(F.glu(x, 0)),
        refusal(lambda: F.glu(lib.ones(3)))[0],
        values(F.hardshrink(x)),
        values(F.softshrink(x, 1.0)),
        refusal(lambda: F.softshrink(x, -1.0))[0],
        values(F.one_hot(lib.tensor([0, 2]), 4)),
        values(F.normalize(x)),
        values(F.embedding(lib.tensor([1, 0]), x)),
        values(F.bilinear(x, x, lib.ones(3, 4, 4), lib.ones(3))),
        values(F.pad(x, (1, 2), value=5.0)),
        values(F.layer_norm(x, (4,))),
    ]


@story
def layers_that_cannot_be_made(lib: Any) -> Any:
    nn = lib.nn
    wrong = [
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        lambda: nn.Conv2d(4, 3, 3, groups=2),
        lambda: nn.Conv2d(4, 4, 3, groups=0),
        lambda: nn.Conv2d(4, 4, 3, padding="other"),
        lambda: nn.Conv2d(4, 4, 3, 2, padding="same"),
        lambda: nn.Conv2d(4, 4, 3, padding_mode="other"),
        lambda: nn.ConvTranspose2d(4, 4, 3, padding_mode="reflect"),
        lambda: nn.Embedding(3, 2, padding_idx=3),
        lambda: nn.Embedding(3, 2, _weight=lib.ones(2, 2)),
        lambda: nn.Embedding.from_pretrained(lib.ones(2)),
        lambda: nn.GroupNorm(3, 4),
        lambda: nn.Hardtanh(1.0, 0.0),
        lambda: nn.Unflatten(1, 5),
        lambda: nn.Unflatten(1, (2, 2.0)),
        lambda: nn.Bilinear(0, 1, 1),
        lambda: nn.Softmax2d()(lib.ones(2, 2)),
        lambda: nn.Linear(2, 2)(lib.ones(3, 3)),
        lambda: nn.Linear(2, 2)(lib.ones(3, 2, dtype=lib.float64)),
        lambda: nn.Conv2d(2, 2, 3)(lib.ones(1, 3, 5, 5)),
        lambda: nn.CrossEntropyLoss()(lib.ones(2, 3), lib.tensor([0, 3])),
        lambda: nn.CrossEntropyLoss()(lib.ones(2, 3), lib.tensor([0.0, 1.0])),
        lambda: nn.Embedding(3, 2)(lib.tensor([3])),
        lambda: nn.Embedding(3, 2)(lib.tensor([1.0])),
    ]
    return [refusal(w)[0] for w in wrong]


@story
def pretrained_embeddings(lib: Any) -> Any:
    nn, table = lib.nn, lib.tensor([[1.0, 2.0], [3.0, 4.0]])
    m = nn.Embedding.from_pretrained(table, padding_idx=-1)
    free = nn.Embedding.from_pretrained(table, freeze=False)
    zeroed = nn.Embedding(4, 2, padding_idx=2)
    return [
        repr(m),
        m.weight.requires_grad,
        free.weight.requires_grad,
        values(m(lib.tensor([[1, 0]]))),
        values(zeroed.weight[2]),
        m.weight.data_ptr() == table.data_ptr() if lib is torch else m.weight.array is table.array,
    ]


@story
def transposed_convolutions_of_a_wanted_size(lib: Any) -> Any:
    m = lib.nn.ConvTranspose2d(1, 1, 3, stride=2)
    x = lib.ones(1, 1, 3, 3)
    return [
        tuple(m(x).shape),
        tuple(m(x, output_size=(8, 7)).shape),
        tuple(m(x, output_size=(1, 1, 8, 8)).shape),
        refusal(lambda: m(x, output_size=(9, 7)))[0],
        refusal(lambda: m(x, output_size=(9,)))[0],
    ]


@story
def initialisation_that_is_not_random(lib: Any) -> Any:
    init = lib.nn.init
    w = lib.nn.Parameter(lib.zeros(4, 3))
    k = lib.zeros(4, 2, 3, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        empty = init.kaiming_normal_(lib.zeros(0, 3))
        init.trunc_normal_(lib.zeros(2), mean=10.0)
    gains = [
        "linear",
        "conv2d",
        "conv_transpose1d",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "selu",
    ]
    return [
        [round(init.calculate_gain(g), 6) for g in gains],
        round(init.calculate_gain("leaky_relu", 0.5), 6),
        refusal(lambda: init.calculate_gain("other"))[0],
        refusal(lambda: init.calculate_gain("leaky_relu", "a")),
        refusal(lambda: init.calculate_gain("leaky_relu", True)),
        init.constant_(w, 2.5) is w,
        values(w),
        w._version,
        values(init.ones_(w)),
        values(init.zeros_(w)),
        values(init.eye_(w)),
        values(init.dirac_(k)),
        values(init.dirac_(lib.zeros(4, 2, 3), 2)),
        refusal(lambda: init.eye_(k)),
        refusal(lambda: init.dirac_(w)),
        refusal(lambda: init.dirac_(k, 3)),
        refusal(lambda: init.sparse_(k, 0.5)),
        refusal(lambda: init.orthogonal_(lib.zeros(2))),
        refusal(lambda: init.xavier_uniform_(lib.zeros(2))),
        refusal(lambda: init.kaiming_uniform_(lib.zeros(2))),
        refusal(lambda: init.kaiming_uniform_(w, mode="other"))[0],
        refusal(lambda: init.uniform_(w, 2.0, 1.0))[0],
        refusal(lambda: init.normal_(w, std=-1.0))[0],
        tuple(empty.shape),
        [str(c.message) for c in caught],
        w.requires_grad,
        w.is_leaf,
    ]


@story
def clipping_gradients(lib: Any) -> Any:
    utils, nn = lib.nn.utils, lib.nn

    def parameters() -> list[Any]:
        a, b, c = (nn.Parameter(lib.ones(n)) for n in (2, 3, 1))
        a.grad, b.grad = lib.tensor([3.0, -4.0]), lib.tensor([1.0, 2.0, -2.0])
        return [a, b, c]

    seen = []
    for norm_type in (2.0, 1.0, math.inf, 3):
        for limit in (1.0, 100.0):
            p = parameters()
            norm = utils.clip_grad_norm_(iter(p), limit, norm_type)
            seen.append([values(norm), values(p[0].grad), values(p[1].grad), tuple(norm.shape)])
    p = parameters()
    utils.clip_grad_value_(p, 1.5)
    seen.append([values(q.grad) for q in p])
    seen.append([q.grad._version > 0 for q in p[:2]])
    seen.append(values(utils.clip_grad_norm_(p[0], 1.0)))
    seen.append(values(utils.clip_grad_norm_([], 1.0)))
    p[0].grad = lib.tensor([math.nan, 1.0])
    seen.append(refusal(lambda: utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)))
    seen.append(values(utils.get_total_norm([lib.tensor([3.0]), lib.tensor([4.0])])))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        utils.clip_grad_norm_((q for q in []), 1.0)
    return [*seen, [str(w.message) for w in caught]]


@story
def parameters_as_a_vector(lib: Any) -> Any:
    utils = lib.nn.utils
    m = lib.nn.Linear(2, 2)
    m.weight.data = lib.tensor([[1.0, 2.0], [3.0, 4.0]])
    m.bias.data = lib.tensor([5.0, 6.0])
    vector = utils.parameters_to_vector(m.parameters())
    (vector * vector).sum().backward()
    seen = [values(vector), vector.requires_grad, values(m.weight.grad)]
    utils.vector_to_parameters(lib.tensor([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), m.parameters())
    return [
        *seen,
        values(m.weight),
        values(m.bias),
        m.weight.requires_grad,
        m.weight.is_leaf,
        refusal(lambda: utils.vector_to_parameters([1.0], m.parameters()))[0],
    ]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_same_story(story: Story) -> None:
    assert_same(story(tg), story(torch))


DRAWN: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("uniform_", (200, 300), {"a": -1.0, "b": 3.0}),
    ("normal_", (200, 300), {"mean": 1.0, "std": 2.0}),
    ("trunc_normal_", (200, 300), {}),
    ("trunc_normal_", (200, 300), {"mean": 1.0, "std": 0.5, "a": 1.2, "b": 1.6}),
    ("trunc_normal_", (200, 300), {"mean": -4.0, "std": 2.5, "a": -2.0, "b": 9.0}),
    ("xavier_uniform_", (200, 300), {"gain": 2.0}),
    ("xavier_normal_", (50, 60, 4, 5), {}),
    ("kaiming_uniform_", (50, 60, 4, 5), {"a": math.sqrt(5)}),
    ("kaiming_uniform_", (200, 300), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", (200, 300), {"nonlinearity": "tanh"}),
    ("orthogonal_", (60, 80), {"gain": 3.0}),
    ("orthogonal_", (80, 3, 20), {}),
    ("sparse_", (200, 300), {"sparsity": 0.305, "std": 2.0}),
]


@pytest.mark.parametrize(("name", "shape", "options"), DRAWN, ids=lambda v: str(v)[:40])
def test_drawn_values_are_distributed_as_pytorchs(name: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    theirs, ours = (getattr(lib.nn.init, name)(lib.empty(*shape), **options).numpy().ravel() for lib in (torch, tg))
    assert ours.dtype == theirs.dtype
    points = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]
    scale = theirs.std()
    np.testing.assert_allclose(np.quantile(ours, points) / scale, np.quantile(theirs, points) / scale, atol=0.12)
    assert abs(ours.mean() - theirs.mean()) < 0.03 * scale
    assert abs(ours.std() / scale - 1) < 0.03


LAYERS = [
    "nn.Linear(64, 500)",
    "nn.Bilinear(16, 20, 100)",
    "nn.Conv1d(8, 400, 5)",
    "nn.Conv2d(8, 400, (3, 5), groups=2)",
    "nn.ConvTranspose2d(40, 80, 3)",
    "nn.Embedding(200, 100)",
    "nn.PReLU(7, 0.3)",
]


@pytest.mark.parametrize("text", LAYERS)
def test_new_layers_are_distributed_as_pytorchs(text: str) -> None:
    torch.manual_seed(0)
    theirs, ours = (eval(text, {"nn": lib.nn}) for lib in (torch, tg))
    for (name, a), (_, b) in zip(theirs.named_parameters(), ours.named_parameters()):
        a, b = a.detach().numpy(), b.detach().numpy()
        assert abs(b.std() / max(a.std(), 1e-9) - 1) < 0.15 or a.std() == b.std(), name
        assert abs(np.abs(b).max() / np.abs(a).max() - 1) < (0.4 if "Embedding" in text else 0.06)
        assert abs(b.mean() - a.mean()) <= 0.2 * a.std()
