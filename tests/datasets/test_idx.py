import gzip
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu import datasets

CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}
arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
)


def encoded(array):
    """Return the array as IDX by the description of the format, with ``struct`` alone."""
    letter = {"uint8": "B", "int8": "b", "int16": "h", "int32": "i", "float32": "f", "float64": "d"}
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + struct.pack(f">{array.size}{letter[array.dtype.name]}", *array.ravel().tolist())


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


@pytest.fixture(params=[bytes, gzip.compress], ids=["raw", "gzip"])
def pack(request):
    return request.param


def read(path, content):
    path.write_bytes(content)
    return datasets.read_idx(path)


def refused(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as info:
        datasets.read_idx(path)
    assert str(info.value).startswith("read_idx: ")
    assert str(path) in str(info.value)
    assert re.search(r"get (the file|it) again\.$", str(info.value))


@given(array=arrays, gzipped=st.booleans())
def test_every_dtype_and_shape_is_read(path, array, gzipped):
    content = encoded(array)
    result = read(path, gzip.compress(content) if gzipped else content)
    np.testing.assert_array_equal(result, array)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    assert result.flags.writeable


@given(array=arrays, name=st.sampled_from(["file", "file.gz"]))
def test_what_is_written_is_read_again(path, array, name):
    path = path.with_name(name)
    datasets.write_idx(path, array)
    np.testing.assert_array_equal(datasets.read_idx(path), array)
    content = path.read_bytes()
    assert (gzip.decompress(content) if name == "file.gz" else content) == encoded(array)


def test_other_byte_order_and_strides_are_written_by_value(path):
    array = np.arange(12, dtype=">i4").reshape(3, 4).T[:, ::2]
    datasets.write_idx(path, array)
    np.testing.assert_array_equal(datasets.read_idx(path), array)
    datasets.write_idx(path, array.astype("<i4"))
    np.testing.assert_array_equal(datasets.read_idx(path), array)


def test_gzip_is_written_without_a_time_stamp(path):
    path = path.with_name("file.gz")
    datasets.write_idx(path, np.zeros(3, np.uint8))
    assert path.read_bytes()[4:8] == bytes(4)  # RFC 1952: MTIME


def test_path_may_be_a_string(path):
    datasets.write_idx(str(path), np.array([1, 2], np.int16))
    assert datasets.read_idx(str(path)).tolist() == [1, 2]


@given(array=arrays, data=st.data())
def test_file_cut_anywhere_is_refused(path, array, data):
    content = encoded(array)
    cut = data.draw(st.integers(0, len(content) - 1))
    refused(path, content[:cut], "ends within its header" if cut < 4 + 4 * array.ndim else "cut short")


@given(array=arrays, data=st.data())
def test_gzip_file_cut_anywhere_is_refused(path, array, data):
    content = gzip.compress(encoded(array))
    cut = data.draw(st.integers(0, len(content) - 1))
    refused(path, content[:cut], "ends within its header" if cut < 2 else "damaged gzip file")


@given(array=arrays, data=st.data())
def test_damaged_gzip_file_is_refused_or_still_right(path, array, data):
    content = bytearray(gzip.compress(encoded(array), mtime=0))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    result = array_or_message(path)
    if isinstance(result, str):
        assert result.startswith("read_idx: ")
    else:  # the damage hit the time stamp, or another field that says nothing about the content
        np.testing.assert_array_equal(result, array)


def array_or_message(path):
    try:
        return datasets.read_idx(path)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("extra", [b"\0", b"more than one"])
def test_bytes_after_the_values_are_refused(path, pack, extra):
    refused(path, pack(encoded(np.ones((2, 2), np.uint8)) + extra), "more bytes follow")


def test_bytes_after_the_gzip_stream_are_refused(path):
    refused(path, gzip.compress(encoded(np.ones(2, np.uint8))) + b"rest", "damaged gzip file")


@pytest.mark.parametrize("magic", ["01 00 08 01", "00 ff 08 01", "00 00 07 01", "00 00 0a 01"])
def test_wrong_magic_or_dtype_is_refused(path, pack, magic):
    refused(path, pack(bytes.fromhex(magic) + bytes(8)), f"begins with the bytes {magic}.*08 uint8")


@pytest.mark.parametrize("dims", [0, 65, 255])
def test_number_of_dimensions_that_numpy_has_not_is_refused(path, dims):
    refused(path, bytes([0, 0, 8, dims]) + bytes(4 * dims), "1 to 64 dimensions")


def test_most_dimensions_that_numpy_has_are_read(path):
    assert read(path, encoded(np.ones((1,) * 64, np.uint8))).shape == (1,) * 64


def test_empty_file_is_refused(path):
    refused(path, b"", r"ends within its header \(0 of the next 4 bytes")


@pytest.mark.parametrize("shape", [(2**31 - 1,), (2**20, 2**20)])
def test_absurd_sizes_cost_no_memory(path, pack, shape):
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 0x08, len(shape), *shape)
    tracemalloc.start()
    try:
        refused(path, pack(header + b"few"), "cut short after 3")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (0, 2**32 - 1, 2**32 - 1)])
def test_sizes_beyond_the_address_space_are_refused(path, shape):
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 0x0E, len(shape), *shape)
    refused(path, header, "more than any memory holds")


def test_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        datasets.read_idx(tmp_path / "nowhere")


@pytest.mark.parametrize("dtype", ["int64", "uint16", "bool", "complex64"])
def test_dtype_that_idx_has_not_is_not_written(tmp_path, dtype):
    with pytest.raises(TypeError, match=f"write_idx: .*{dtype}; it holds uint8.*astype"):
        datasets.write_idx(tmp_path / "file", np.zeros(2, dtype))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("shape", [(), (2**32, 0)])
def test_shape_that_idx_has_not_is_not_written(tmp_path, shape):
    with pytest.raises(ValueError, match=r"write_idx: an array of shape .* does not fit.*Reshape it"):
        datasets.write_idx(tmp_path / "file", np.zeros(shape, np.uint8))
    assert os.listdir(tmp_path) == []
