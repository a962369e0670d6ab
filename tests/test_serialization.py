from __future__ import annotations

import collections
import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu.serialization import load, save


def saved(obj: Any) -> bytes:
    file = io.BytesIO()
    save(obj, file)
    return file.getvalue()


def round_trip(obj: Any) -> Any:
    return load(io.BytesIO(saved(obj)))


def same(a: Any, b: Any) -> bool:
    """Compare values, their types and dtypes, to the last bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tg.Tensor):
        return a.requires_grad == b.requires_grad and same(a.array, b.array)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


# ---- what comes back

VALUES = [
    None,
    True,
    -(2**200),
    0.1,
    -0.0,
    float("inf"),
    float("nan"),
    "",
    'quote " and \ud800 and é',
    b"\0\xff",
    [],
    [1, [2, ()]],
    (1, (2.0, [None])),
    {"a": 1, 2: "b", 2.5: None, (1, ("x", None)): True, None: 0, b"k": 1},
    collections.OrderedDict([("z", 1), ("a", 2)]),
    np.dtype("int16"),
    np.float32(0.1),
    np.float64("nan"),
    np.int8(-3),
    np.bool_(True),
    {np.int64(3): 1},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_value_comes_back_with_its_type(value: Any) -> None:
    assert same(round_trip(value), value)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", ">f8"])
@pytest.mark.parametrize("shape_and_order", [((), "C"), ((0, 3), "C"), ((5,), "C"), ((2, 3, 4), "C"), ((3, 4), "F")])
def test_array_comes_back(dtype: str, shape_and_order: Any) -> None:
    shape, order = shape_and_order
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype, order)
    back = round_trip(array)
    assert same(back, array)
    assert back.flags.writeable


def test_gaps_of_a_view_are_not_stored() -> None:
    base = np.arange(100000.0)
    content = saved({"x": base[::1000], "y": tg.from_numpy(base.reshape(1000, 100)[3:5].T)[1]})
    back = load(io.BytesIO(content))
    assert back["x"].tolist() == list(range(0, 100000, 1000))
    assert len(saved(tg.from_numpy(base)[7:9])) < 2000


def test_tensor_keeps_what_it_is_but_not_where_it_came_from() -> None:
    leaf = tg.tensor([1.0, 2.0], requires_grad=True)
    computed = leaf * 2
    computed.sum().backward()
    back = round_trip([leaf, computed, tg.tensor(3), tg.tensor(1.5, dtype=np.float16)])
    assert [t.requires_grad for t in back] == [True, True, False, False]
    assert [t.is_leaf for t in back] == [True] * 4
    assert [str(t.dtype) for t in back] == ["float32", "float32", "int64", "float16"]
    assert back[0].grad is None
    assert back[1].tolist() == [2.0, 4.0]


def test_parameter_stays_a_parameter() -> None:
    back = round_trip({"w": tg.nn.Parameter(tg.ones(2)), "f": tg.nn.Parameter(tg.ones(1), False)})
    assert type(back["w"]) is type(back["f"]) is tg.nn.Parameter
    assert back["w"].requires_grad
    assert not back["f"].requires_grad
    assert back["w"].tolist() == [1.0, 1.0]


def test_model_and_optimizer_continue() -> None:
    model = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.BatchNorm1d(4), tg.nn.Linear(4, 1))
    optimizer = tg.optim.Adam(model.parameters(), lr=0.1)
    x = tg.randn(5, 3)

    def step() -> float:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    step()
    states = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng": tg.get_rng_state(),
    }
    content = saved(states)
    expected = [step() for _ in range(3)]
    back = load(io.BytesIO(content))
    assert back["model"]._metadata == states["model"]._metadata
    model.load_state_dict(back["model"])
    optimizer.load_state_dict(back["optimizer"])
    tg.set_rng_state(back["rng"])
    assert [step() for _ in range(3)] == expected


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
arrays = hnp.arrays(st.sampled_from(["f4", "f8", "i8", "u1", "?", "f2"]), hnp.array_shapes(min_dims=0, min_side=0))
values = st.recursive(
    scalars | arrays | arrays.map(tg.from_numpy),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(scalars.filter(lambda key: key == key), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_any_value_comes_back(value: Any) -> None:
    assert same(round_trip(value), value)


@given(values)
def test_same_value_gives_the_same_bytes(value: Any) -> None:
    assert saved(value) == saved(value)


# ---- sharing


def test_one_tensor_under_two_names_is_stored_once_and_stays_one() -> None:
    w = tg.randn(1000)
    content = saved({"a": w, "b": [w], "array": w.array})
    assert len(content) < 1.5 * w.nbytes
    back = load(io.BytesIO(content))
    assert back["a"] is back["b"][0]
    assert back["array"] is not back["a"]
    assert np.shares_memory(back["array"], back["a"].array)


def test_tied_weights_stay_tied() -> None:
    w = tg.randn(1000)
    content = saved({"a": w.detach(), "b": w.detach()})
    assert len(content) < 1.5 * w.nbytes
    back = load(io.BytesIO(content))
    back["a"].add_(1)
    assert np.array_equal(back["b"].array, w.array + 1)
    assert back["b"]._version == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_views_stay_views(order: Any) -> None:
    base = tg.from_numpy(np.asarray(np.arange(12.0).reshape(3, 4), order=order))
    views = {
        "row": base[1],
        "column": base[:, 2],
        "corner": base[::2, 1::2],
        "turned": tg.from_numpy(base.array[::-1].T),
        "bits": base.array.T.view(np.int64),
    }
    back = round_trip({"views": views, "last": base})
    for name, view in views.items():
        assert same(back["views"][name], view), name
    back["last"].array[...] = 7.0
    assert (back["views"]["row"].array == 7).all()
    assert (back["views"]["turned"].array == 7).all()
    again = round_trip(back)
    assert np.shares_memory(again["views"]["row"].array, again["last"].array)


def test_what_did_not_share_does_not() -> None:
    back = round_trip([tg.ones(3), tg.ones(3)])
    back[0].zero_()
    assert back[1].tolist() == [1.0, 1.0, 1.0]


def test_loaded_memory_is_our_own() -> None:
    array = np.ones(3)
    file = io.BytesIO(saved(array))
    assert not np.shares_memory(load(file), load(file))


# ---- files


def test_path_of_either_kind(tmp_path: Path) -> None:
    for path in (tmp_path / "a.pt", str(tmp_path / "b.pt")):
        save({"x": 1}, path)
        assert load(path, "cpu", weights_only=False) == {"x": 1}


def test_open_file(tmp_path: Path) -> None:
    with open(tmp_path / "f", "w+b") as file:
        save([1, 2], file)
        assert load(file) == [1, 2]


def test_numpy_reads_the_arrays_by_the_keys_that_lead_to_them(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    save({"model": {"conv.weight": tg.ones(2)}, "list": [np.zeros(1)], "../x": np.ones(1)}, path)
    with np.load(path) as content:
        names = [name for name in content.files if name != "structure.json"]
        assert names == ["model/conv.weight", "list/0", "__x"]
        assert content["model/conv.weight"].tolist() == [1.0, 1.0]


def test_equal_names_of_arrays_are_told_apart() -> None:
    back = round_trip({"a": {"b": np.zeros(1)}, "a/b": np.ones(1), "a?b": np.full(1, 2.0)})
    assert [back["a"]["b"][0], back["a/b"][0], back["a?b"][0]] == [0.0, 1.0, 2.0]


class Stop(Exception):
    pass


def test_failure_leaves_the_older_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    save("old", path)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise Stop

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(Stop):
        save({"x": np.ones(1000)}, path)
    assert os.listdir(tmp_path) == ["file"]
    assert load(path) == "old"


def test_refused_value_touches_no_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(TypeError):
        save({"x": np.ones(3), "y": object()}, path)
    file = io.BytesIO()
    with pytest.raises(TypeError):
        save({"x": np.ones(3), "y": object()}, file)
    assert os.listdir(tmp_path) == []
    assert file.getvalue() == b""


# ---- what cannot be saved


class Point(collections.namedtuple("Point", "x y")):
    pass


class Special(tg.Tensor):
    __slots__ = ()


def circle() -> Any:
    inner: dict[str, Any] = {}
    inner["self"] = [inner]
    return {"a": inner}


def tower(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("obj", "error", "message"),
    [
        (
            {"a": [print]},
            TypeError,
            r"obj\['a'\]\[0\] is of type builtin_function.*; files hold no",
        ),
        ({"m": {1, 2}}, TypeError, r"obj\['m'\] is of type set; save a sorted list of it"),
        (Point(1, 2), TypeError, r"obj is of type Point; save tuple\(...\) of it, as its class"),
        (collections.defaultdict(int), TypeError, r"defaultdict; save dict\(...\) of it"),
        ([1j], TypeError, r"obj\[0\] is of type complex; only tensors, arrays, numbers"),
        (np.ones(2).view(np.matrix), TypeError, r"of type matrix; save numpy.asarray\(...\) of it"),
        (np.array([1j]), TypeError, "obj cannot be saved: the dtype complex128 is neither bool"),
        (np.array([None]), TypeError, "the dtype object is neither bool"),
        (np.array(["a"]), TypeError, "the dtype <U1 is neither bool"),
        (np.str_("a"), TypeError, "the dtype <U1 is neither bool"),
        (np.dtype("O"), TypeError, "the dtype object is neither bool"),
        ({"w": Special(2)}, TypeError, r"obj\['w'\] is of type Special; save its detach\(\)"),
        ({tg.ones(1): 1}, TypeError, "obj has a key of type Tensor; keys are str, bytes, numbers"),
        ({(1, (object(),)): 1}, TypeError, "obj has a key of type tuple"),
        (circle(), ValueError, r"obj\['a'\]\['self'\]\[0\] is the container that it is in"),
        (tower(100), ValueError, r"more than 100 containers inside each other, at obj\[0\]"),
    ],
)
def test_what_cannot_be_saved_is_named(obj: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        saved(obj)


def test_module_is_pointed_to_its_state_dict() -> None:
    with pytest.raises(TypeError, match=r"obj\['net'\] is of type Linear; save its state_dict"):
        saved({"net": tg.nn.Linear(1, 1)})


def test_hundred_containers_inside_each_other_are_fine() -> None:
    assert round_trip(tower(99)) == tower(99)


def test_file_must_be_for_bytes(tmp_path: Path) -> None:
    with open(tmp_path / "text", "w") as file, pytest.raises(TypeError, match='mode "wb"'):
        save(1, file)
    with pytest.raises(TypeError, match="f must be a path, or a file"):
        save(1, 7)


# ---- what cannot be loaded


class OneWay(io.BytesIO):
    def seekable(self) -> bool:
        return False


def archive(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        for name, data in entries.items():
            content.writestr(name, data)
    return file.getvalue()


def made_up(obj: Any, arrays: dict[str, bytes] | None = None, **changed: Any) -> bytes:
    """Make a file with a structure of our own."""
    text = json.dumps({"format": "tinygrad_edu", "version": 1, "object": obj} | changed)
    entries = {f"{name}.npy": data for name, data in (arrays or {}).items()}
    return archive(**{"structure.json": text.encode()}, **entries)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def savez() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.ones(1))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; what should have written it was interrupted"),
        (pickle.dumps([1]), "is a pickle, perhaps from torch.save; loading one can run code"),
        (b"hello, world", "was not written by save: it is no zip archive"),
        (savez(), "is a file of numpy.savez; read it with numpy.load"),
        (
            archive(**{"m/data.pkl": b"", "m/version": b"3"}),
            "was written by torch.save, as a pickle",
        ),
        (archive(x=b""), "was not written by save: the archive has no structure.json"),
        (made_up(1, format="other"), "is damaged .ValueError: the format is 'other'"),
        (made_up(1, version=2), "has version 2 of the format; this is version 1"),
        (saved(np.ones(9))[:-30], r"is damaged .BadZipFile: .*; get or write it again"),
    ],
)
def test_what_is_no_file_of_ours_is_named(content: bytes, message: str) -> None:
    with pytest.raises(RuntimeError, match=f"load: the file {message}"):
        load(io.BytesIO(content))


def test_name_of_the_file_is_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"nonsense")
    with pytest.raises(RuntimeError, match=r"load: .*weights\.pt was not written by save"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")


def test_file_must_seek() -> None:
    with pytest.raises(RuntimeError, match=r"cannot seek; load\(io.BytesIO\(f.read\(\)\)\) instead"):
        load(OneWay(saved(1)))


def test_other_devices_are_refused() -> None:
    with pytest.raises(RuntimeError, match="cuda"):
        load(io.BytesIO(saved(1)), map_location="cuda:0")


class Evil:
    def __reduce__(self) -> Any:
        return os.abort, ()


ONES = npy(np.ones(4))
HUGE = ONES.replace(b"(4,)", b"(4000000000000,)").replace(b" " * 12 + b"\n", b"\n")


@pytest.mark.parametrize(
    "content",
    [
        made_up({"unknown": 1}),
        made_up({}),
        made_up({"tuple": [], "dict": []}),
        made_up({"tuple": 3}),
        made_up({"dict": [[[1], 2]]}),
        made_up({"dict": [[1]]}),
        made_up({"again": 0}),
        made_up({"again": "x"}),
        made_up({"float": "one"}),
        made_up({"bytes": "%"}),
        made_up({"dtype": "O"}),
        made_up({"dtype": 7}),
        made_up({"scalar": ["<U4", "x"]}),
        made_up({"scalar": ["<i1", 1000]}),
        made_up({"state_dict": []}),
        made_up({"array": {}}),
        made_up({"array": {"file": "missing"}}),
        made_up({"array": {"file": "x"}}, {"x": npy(np.array([1j]))}),
        made_up({"array": {"file": "x"}}, {"x": b"no npy"}),
        made_up({"array": {"file": "x"}}, {"x": ONES[:-1]}),
        made_up({"array": {"file": "x"}}, {"x": ONES + b"\0"}),
        made_up({"array": {"file": "x"}}, {"x": HUGE}),
        made_up({"array": {"file": "x"}}, {"x": ONES.replace(b"(4,)", b"(-4)")}),
        made_up({"array": {"file": "x"}}, {"x": ONES.replace(b"'<f8'", b"'|O' ")}),
        made_up({"array": {"file": "x", "view": ["O", [4], 0, [8]]}}, {"x": ONES}),
        made_up({"array": {"file": "x", "view": ["<f8", [5], 0, [8]]}}, {"x": ONES}),
        made_up({"array": {"file": "x", "view": ["<f8", [4], 8, [8]]}}, {"x": ONES}),
        made_up({"array": {"file": "x", "view": ["<f8", [4], -8, [8]]}}, {"x": ONES}),
        made_up({"array": {"file": "x", "view": ["<f8", [4], 0, [-8]]}}, {"x": ONES}),
        made_up({"array": {"file": "x", "view": ["<f8", [2, 2], 0, [8]]}}, {"x": ONES}),
        made_up({"array": {"file": "x", "view": ["<f8", [2**70], 0, [8]]}}, {"x": ONES}),
        made_up({"Tensor": [{"file": "x"}, True]}, {"x": npy(np.ones(2, int))}),
        archive(**{"structure.json": b"{"}),
        archive(**{"structure.json": b"[]"}),
        archive(**{"structure.json": b"\xff\xfe"}),
        archive(**{"structure.json": b"[" * 100000}),
        made_up({"array": {"file": "x"}}, {"x": npy(np.array([Evil()], object))}),
    ],
)
def test_made_up_file_is_refused(content: bytes) -> None:
    with pytest.raises(RuntimeError):
        load(io.BytesIO(content))


def test_compressed_entries_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as content:
        content.writestr("structure.json", b" " * 10**6 + b"{}")
    with pytest.raises(RuntimeError, match="an entry is compressed or encrypted"):
        load(file)


def test_entries_may_not_lie_in_each_other() -> None:
    """Many directory entries for one place in the file would multiply it."""
    content = bytearray(saved([np.ones(100), np.ones(100)]))
    start, end = content.rindex(b"PK\1\2"), content.rindex(b"PK\5\6")
    entry, many = bytes(content[start:end]), 50
    count, size = struct.unpack_from("<HI", content, end + 10)
    struct.pack_into("<HHI", content, end + 8, count + many, count + many, size + many * len(entry))
    content[end:end] = entry * many
    with pytest.raises(RuntimeError, match="its entries are larger than the file"):
        load(io.BytesIO(bytes(content)))


EXAMPLE = saved(
    {
        "w": tg.from_numpy(np.arange(6.0).reshape(2, 3)),
        "t": (1, 2.5, "text", None, np.float32(2)),
        "n": [np.arange(3), {"x": b"bytes"}],
    }
)


def load_damaged(content: bytes) -> None:
    """Load what may be damaged: a value, or a RuntimeError with a sentence; little memory."""
    tracemalloc.start()
    try:
        load(io.BytesIO(content))
    except RuntimeError as error:
        assert str(error).startswith("load: the file ")  # noqa: PT017
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4_000_000


@given(st.integers(0, len(EXAMPLE) - 1))
def test_truncated_file(length: int) -> None:
    with pytest.raises(RuntimeError, match="load: the file "):
        load(io.BytesIO(EXAMPLE[:length]))


@given(st.lists(st.integers(0, 8 * len(EXAMPLE) - 1), min_size=1, max_size=4))
def test_flipped_bits(bits: list[int]) -> None:
    content = bytearray(EXAMPLE)
    for bit in bits:
        content[bit // 8] ^= 1 << bit % 8
    load_damaged(bytes(content))


@given(st.integers(0, len(EXAMPLE)), st.binary(max_size=30), st.integers(0, 30))
def test_replaced_bytes(start: int, new: bytes, gone: int) -> None:
    load_damaged(EXAMPLE[:start] + new + EXAMPLE[start + gone :])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["float", "bytes", "dtype", "scalar", "tuple", "dict", "OrderedDict"]
                + ["state_dict", "array", "Tensor", "again", "file", "view", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(json_values)
def test_made_up_structure(obj: Any) -> None:
    load_damaged(made_up(obj, {"x": ONES}))


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["<f8", "<f4", "|b1", "|O", "<U2", "<i8"]),
            st.integers(-(2**70), 2**70) | st.integers(-40, 40),
            st.lists(st.integers(-40, 40) | st.integers(-(2**70), 2**70), max_size=3),
        ),
        min_size=4,
        max_size=4,
    )
)
def test_made_up_view(view: list[Any]) -> None:
    load_damaged(made_up({"array": {"file": "x", "view": view}}, {"x": ONES}))


@given(st.binary(max_size=12), st.integers(0, 90))
def test_made_up_header_of_an_array(new: bytes, start: int) -> None:
    header = ONES[:start] + new + ONES[start + len(new) :]
    load_damaged(made_up({"array": {"file": "x"}}, {"x": header}))
