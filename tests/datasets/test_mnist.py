import gzip
import hashlib
import os
import re
import shutil
import socket

import numpy as np
import pytest

from tinygrad_edu import datasets

KINDS = [datasets.MNIST, datasets.FashionMNIST]
NAMES = {split: (f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte") for split in ("train", "t10k")}


def write_split(folder, split, n=3, first=0, suffix=""):
    """Write n images, each filled with its label: first, first + 1, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.arange(first, first + n, dtype=np.uint8)
    images = np.broadcast_to(labels[:, None, None], (n, 28, 28))
    for name, array in zip(NAMES[split], (images, labels), strict=True):
        datasets.write_idx(folder / (name + suffix), array)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("nested", [False, True])
def test_files_are_found_raw_or_gzipped_in_root_or_below(tmp_path, kind, suffix, nested):
    folder = tmp_path / kind.__name__ / "raw" if nested else tmp_path
    write_split(folder, "train", 4, suffix=suffix)
    write_split(folder, "t10k", 2, first=7, suffix=suffix)
    train, test = kind(tmp_path), kind(str(tmp_path), train=False)
    assert (train.targets.tolist(), test.targets.tolist()) == ([0, 1, 2, 3], [7, 8])
    assert (train.data.dtype, train.data.shape) == (np.uint8, (4, 28, 28))
    assert train.targets.dtype == np.int64
    assert test.data[1, 5, 6] == 8
    assert (train.train, test.train) == (True, False)


def test_content_decides_about_gzip_not_the_name(tmp_path):
    write_split(tmp_path, "t10k")
    for name in NAMES["t10k"]:
        (tmp_path / name).rename(tmp_path / f"{name}.gz")
    assert len(datasets.MNIST(tmp_path, train=False)) == 3


def test_folder_with_the_name_of_the_dataset_comes_first(tmp_path):
    write_split(tmp_path, "t10k", first=1)
    write_split(tmp_path / "FashionMNIST" / "raw", "t10k", first=5)
    assert datasets.MNIST(tmp_path, train=False).targets.tolist() == [1, 2, 3]
    assert datasets.FashionMNIST(tmp_path, train=False).targets.tolist() == [5, 6, 7]


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_split(tmp_path / "data", "train")
    assert len(datasets.MNIST("~/data")) == 3
    assert datasets.MNIST.available_splits("~/data") == ("train",)


def test_sample_is_scaled_and_transformed(tmp_path):
    write_split(tmp_path, "train")
    image, label = datasets.MNIST(tmp_path)[2]
    assert (image.dtype, image.shape, label) == (np.float32, (1, 28, 28), 2)
    np.testing.assert_array_equal(image, np.float32(2) / np.float32(255))
    transformed = datasets.MNIST(tmp_path, True, np.ravel, "label {}".format)
    assert transformed[2][0].shape == (784,)
    assert transformed[2][1] == "label 2"


@pytest.mark.parametrize("there", [(), ("train",), ("t10k",), ("train", "t10k")])
def test_available_splits(tmp_path, there):
    for split in there:
        write_split(tmp_path, split)
    assert datasets.MNIST.available_splits(tmp_path) == there


def test_split_with_one_file_of_two_is_not_available(tmp_path):
    write_split(tmp_path, "t10k")
    (tmp_path / NAMES["t10k"][1]).unlink()
    assert datasets.MNIST.available_splits(tmp_path) == ()


def test_only_the_other_split_there_is_said(tmp_path):
    write_split(tmp_path, "t10k")
    with pytest.raises(FileNotFoundError) as info:
        datasets.MNIST(tmp_path)
    message = str(info.value)
    assert message.startswith(
        "MNIST: the train split is incomplete: train-images-idx3-ubyte and "
        "train-labels-idx1-ubyte (raw or .gz) not found"
    )
    assert "The t10k split is there: load it with train=False." in message
    assert f"{tmp_path / 'MNIST' / 'raw'} and {tmp_path}" in message
    assert "download=True" in message


def test_nothing_there_names_both_files_and_both_folders(tmp_path):
    with pytest.raises(FileNotFoundError) as info:
        datasets.FashionMNIST(tmp_path / "nowhere", train=False)
    message = str(info.value)
    assert all(name in message for name in NAMES["t10k"])
    assert f"{tmp_path / 'nowhere' / 'FashionMNIST' / 'raw'} and {tmp_path / 'nowhere'}" in message
    assert "load it with" not in message


def test_one_file_missing_names_that_one(tmp_path):
    write_split(tmp_path, "train")
    (tmp_path / NAMES["train"][0]).unlink()
    with pytest.raises(FileNotFoundError, match=r"incomplete: train-images-idx3-ubyte \(raw or .gz\)"):
        datasets.MNIST(tmp_path)


def test_files_of_a_split_in_two_folders_are_not_mixed(tmp_path):
    write_split(tmp_path, "train")
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (tmp_path / NAMES["train"][1]).rename(raw / NAMES["train"][1])
    with pytest.raises(FileNotFoundError, match="both files of a split must lie together"):
        datasets.MNIST(tmp_path)


def test_not_found_is_also_torchvisions_runtime_error(tmp_path):
    with pytest.raises(RuntimeError, match="incomplete") as info:
        datasets.MNIST(tmp_path)
    assert type(info.value) is datasets.DatasetNotFoundError


def test_labels_for_other_images_are_refused(tmp_path):
    write_split(tmp_path, "train", 3)
    datasets.write_idx(tmp_path / NAMES["train"][1], np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match=r"MNIST: .* one label \(3 images, 4 labels\)"):
        datasets.MNIST(tmp_path)


@pytest.mark.parametrize("shape", [(3, 8, 8), (3,), (3, 28, 28, 1), (3, 784)])
def test_images_of_another_shape_are_refused(tmp_path, shape):
    write_split(tmp_path, "train")
    datasets.write_idx(tmp_path / NAMES["train"][0], np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match=rf"MNIST: .*{re.escape(str(shape))}; .* uint8 \(N, 28, 28\)"):
        datasets.MNIST(tmp_path)


def test_images_of_another_dtype_are_refused(tmp_path):
    write_split(tmp_path, "train")
    datasets.write_idx(tmp_path / NAMES["train"][0], np.zeros((3, 28, 28), np.float32))
    with pytest.raises(ValueError, match=r"MNIST: received images float32 .* must be uint8"):
        datasets.MNIST(tmp_path)


def test_images_in_the_place_of_labels_are_refused(tmp_path):
    write_split(tmp_path, "train")
    shutil.copy(tmp_path / NAMES["train"][0], tmp_path / NAMES["train"][1])
    with pytest.raises(ValueError, match="labels must be integers"):
        datasets.MNIST(tmp_path)


def test_damaged_file_is_refused(tmp_path):
    write_split(tmp_path, "train", suffix=".gz")
    path = tmp_path / f"{NAMES['train'][0]}.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match="damaged gzip file"):
        datasets.MNIST(tmp_path)


@pytest.fixture
def mirror(server, tmp_path, monkeypatch):
    """Serve four small files under /good, whose checksums MNIST now expects."""
    folder = tmp_path / "mirror"
    write_split(folder, "train", 5, suffix=".gz")
    write_split(folder, "t10k", 2, suffix=".gz")
    resources = []
    for name in (name for names in NAMES.values() for name in names):
        content = (folder / f"{name}.gz").read_bytes()
        server.serve(f"/good/{name}.gz", content)
        resources.append((f"{name}.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{server.url}/bad", f"{server.url}/good/"])
    return server


def test_download_fetches_both_splits_once(mirror, tmp_path):
    root = tmp_path / "root"
    assert len(datasets.MNIST(root, download=True)) == 5
    assert len(datasets.MNIST(root, train=False)) == 2
    asked = len(mirror.asked)
    assert asked == 8  # four files, each from two mirrors
    datasets.MNIST(root, download=True)
    assert len(mirror.asked) == asked
    assert sorted(os.listdir(root / "MNIST" / "raw")) == sorted(name for name, _ in datasets.MNIST.resources)


def test_download_leaves_alone_what_is_there(mirror, tmp_path):
    root = tmp_path / "root"
    write_split(root, "t10k", 1, first=9)  # a subset, with another checksum
    assert len(datasets.MNIST(root, download=True)) == 5
    assert datasets.MNIST(root, train=False, download=True).targets.tolist() == [9]
    assert not any("t10k" in path for path in mirror.asked)


def test_download_completes_a_folder(mirror, tmp_path):
    raw = tmp_path / "root" / "MNIST" / "raw"
    write_split(raw, "train", 5)
    (raw / NAMES["train"][1]).unlink()
    assert len(datasets.MNIST(tmp_path / "root", download=True)) == 5
    assert not any("train-images" in path for path in mirror.asked)


def test_failed_download_says_which_files_to_put_where(mirror, tmp_path):
    del mirror.answers["/good/train-labels-idx1-ubyte.gz"]
    root = tmp_path / "root"
    with pytest.raises(RuntimeError) as info:
        datasets.MNIST(root, download=True)
    message = str(info.value)
    assert message.startswith("MNIST: train-labels-idx1-ubyte.gz could not be downloaded (")
    assert message.count(": 404 ") == 2
    assert all(name in message for name in NAMES["train"])
    assert f"put them into {root / 'MNIST' / 'raw'} or {root}." in message
    assert not any(name.endswith(".part") for name in os.listdir(root / "MNIST" / "raw"))


def test_offline_says_which_files_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{port}"])
    with pytest.raises(RuntimeError, match=r"refused.*Without a connection, get train-images.* and put"):
        datasets.MNIST(tmp_path, download=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_has_a_checksum_and_every_label_a_name(kind):
    names = [f"{name}.gz" for split in ("train", "t10k") for name in NAMES[split]]
    assert [name for name, _ in kind.resources] == names
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for _, md5 in kind.resources)
    assert len(set(kind.classes)) == 10


def test_real_mnist(real_data):
    mnist = datasets.MNIST(real_data / "mnist", train=False)
    assert (mnist.data.dtype, mnist.data.shape) == (np.uint8, (10_000, 28, 28))
    assert mnist.targets[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.targets).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    images, labels = mnist.arrays()
    assert (images.shape, labels.shape) == ((10_000, 1, 28, 28), (10_000,))
    assert images.mean() == pytest.approx(0.1325, abs=1e-4)


def test_real_mnist_has_the_expected_checksums(real_data):
    for name, md5 in datasets.MNIST.resources[2:]:
        assert hashlib.md5((real_data / "mnist" / name).read_bytes()).hexdigest() == md5


def test_real_mnist_has_only_its_t10k_split(real_data):
    assert datasets.MNIST.available_splits(real_data / "mnist") == ("t10k",)
    with pytest.raises(FileNotFoundError, match=r"The t10k split is there: load it with train=False"):
        datasets.MNIST(real_data / "mnist")


def test_real_fashion_mnist(real_data):
    fashion = datasets.FashionMNIST(real_data / "fashion-mnist", train=False)
    assert fashion.data.shape == (4_400, 28, 28)
    assert [fashion.classes[label] for label in fashion.targets[:3]] == [
        "Ankle boot",
        "Pullover",
        "Trouser",
    ]


def test_real_file_cut_short_is_refused(real_data, tmp_path):
    for name in NAMES["t10k"]:
        content = gzip.decompress((real_data / "mnist" / f"{name}.gz").read_bytes())
        (tmp_path / name).write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"\(10000, 28, 28\), 7840000 bytes, but .* after 7839999"):
        datasets.MNIST(tmp_path, train=False)
