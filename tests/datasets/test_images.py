import numpy as np
import pytest

from tinygrad_edu import datasets


class Spots(datasets.ImageDataset):
    classes = ("dark", "bright")
    pixel_max = 4


def spots(data=((0, 2), (4, 1)), targets=(0, 1), dtype=np.uint8, **transforms):
    data = np.array(data, dtype).reshape(-1, 1, 2)
    return Spots(data, np.array(targets, np.uint8), **transforms)


def test_sample_is_a_scaled_image_with_a_channel_and_an_int():
    image, label = spots()[1]
    np.testing.assert_array_equal(image, [[[1.0, 0.25]]])
    assert image.dtype == np.float32
    assert (label, type(label)) == (1, int)


def test_sample_is_a_copy():
    dataset = spots()
    dataset[1][0][:] = 7
    assert dataset.data[1].tolist() == [[4, 1]]


def test_arrays_are_the_samples_side_by_side():
    dataset = spots()
    images, labels = dataset.arrays()
    assert (images.dtype, images.shape) == (np.float32, (2, 1, 1, 2))
    assert (labels.dtype, labels.shape) == (np.int64, (2,))
    for number, (image, label) in enumerate(dataset):
        np.testing.assert_array_equal(images[number], image)
        assert labels[number] == label


def test_arrays_are_copies():
    dataset = spots()
    dataset.arrays()[1][:] = 0
    assert dataset.targets.tolist() == [0, 1]


def test_transforms_see_one_sample_and_decide_what_it_becomes():
    seen = []
    dataset = spots(transform=lambda x: seen.append((x.shape, x.dtype)), target_transform=str)
    assert dataset[1] == (None, "1")
    assert seen == [((1, 1, 2), np.float32)]
    assert dataset.arrays()[0].dtype == np.float32  # without the transforms


def test_length_and_iteration_agree():
    assert len(list(spots())) == len(spots()) == 2


def test_index_may_be_negative_or_a_numpy_integer():
    dataset = spots()
    assert dataset[-1][1] == dataset[np.int64(1)][1] == 1


@pytest.mark.parametrize("index", [2, -3])
def test_index_out_of_range_is_refused(index):
    with pytest.raises(IndexError, match=f"Spots: there is no image {index}; .* from 0 to 1"):
        spots()[index]


@pytest.mark.parametrize("index", [slice(2), 1.0, [0, 1], None])
def test_index_that_is_no_integer_is_refused(index):
    with pytest.raises(TypeError, match=rf"Spots: .* integer, got {type(index).__name__}; .*arrays\("):
        spots()[index]


def test_no_images_are_a_dataset_too():
    dataset = spots((), ())
    assert list(dataset) == []
    assert dataset.arrays()[0].shape == (0, 1, 1, 2)


def test_classes_have_numbers():
    assert spots().class_to_idx == {"dark": 0, "bright": 1}


def test_repr_says_what_it_is_and_how_large():
    assert repr(spots()) == "Dataset Spots\n    Number of datapoints: 2"


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"dtype": np.float32}, r"images must be uint8 \(N, H, W\)"),
        ({"targets": (0, 1, 1)}, r"each image has one label \(2 images, 3 labels\)"),
        ({"targets": (0,)}, r"each image has one label \(2 images, 1 labels\)"),
        ({"targets": ((0, 1),)}, r"labels must be integers \(N,\)"),
        ({"data": ((0, 2), (5, 1))}, "a pixel must be at most 4, not 5"),
        ({"targets": (0, 2)}, "a label must be 0 to 1, not 2"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(broken, rule):
    with pytest.raises(ValueError, match=f"^Spots: received images .*; {rule}. Check"):
        spots(**broken)


@pytest.mark.parametrize(
    ("targets", "rule"),
    [
        (np.array([0.0, 1.0]), "labels must be integers"),
        (np.array([0, -1]), "a label must be 0 to 1, not -1"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(targets, rule):
    with pytest.raises(ValueError, match=rule):
        Spots(np.zeros((2, 1, 2), np.uint8), targets)
