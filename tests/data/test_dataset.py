"""Data sets made of tensors and of other data sets do as PyTorch's do."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import Generator
from minidl.data import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from minidl.errors import RangeError, ShapeError, UsageError


class Squares(Dataset[tuple[float, int]]):
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[float, int]:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return float(index**2), index


def test_a_data_set_of_ones_own_needs_two_methods() -> None:
    data = Squares(4)
    squares, indices = data.batch(np.array([3, 1]))
    assert squares.tolist() == [9.0, 1.0]
    assert indices.tolist() == [3, 1]
    assert list(data)[-1] == (9.0, 3)
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
    with pytest.raises(TypeError, match="__len__"):
        len(Dataset())


def test_tensors_must_have_as_many_rows_as_each_other() -> None:
    for wrong in ((np.zeros((2, 3)), np.zeros(3)), (), (np.float32(1),)):
        with pytest.raises(ShapeError, match="same first size"):
            TensorDataset(*(np.asarray(values) for values in wrong))


def test_rows_of_a_tensor_keep_their_gradient() -> None:
    x = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (rows,) = TensorDataset(x).batch(np.array([2, 2, 0]))
    (rows * minidl.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100.0, 0.0, 11.0]


def test_subsets_of_subsets_lead_back_to_the_whole() -> None:
    data = Subset(Subset(Squares(10), [9, 7, 5]), [2, 0])
    assert len(data) == 2
    assert data[0] == (25.0, 5)
    assert data.batch(np.array([1, 0]))[1].tolist() == [9, 5]


def test_sets_in_a_row_are_numbered_through() -> None:
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset)
    assert [both[i][1] for i in range(5)] == [0, 1, 2, 0, 1]
    assert both[-5] == (0.0, 0)
    assert both.batch(np.array([4, 2]))[1].tolist() == [1, 2]
    for outside in (5, -6):
        with pytest.raises(RangeError, match="among 5"):
            both[outside]
    with pytest.raises(UsageError, match="at least one"):
        ConcatDataset([])


@pytest.mark.parametrize("lengths", [[3, 7], [0.3, 0.7], [0.5, 0.25, 0.25], [10], [0.33, 0.33, 0.34]])
def test_a_random_split_is_a_partition_and_repeats_under_a_seed(lengths: list[float]) -> None:
    first, again, other = (random_split(Squares(10), lengths, Generator(seed)) for seed in (1, 1, 2))
    positions = [list(map(int, part.indices)) for part in first]
    assert sorted(position for part in positions for position in part) == list(range(10))
    assert positions == [list(map(int, part.indices)) for part in again]
    assert positions != [list(map(int, part.indices)) for part in other]


@pytest.mark.parametrize("lengths", [[3, 6], [0.5, 0.6], [1.5, -0.5]])
def test_lengths_that_are_no_division_are_refused(lengths: list[float]) -> None:
    with pytest.raises(UsageError, match="random_split"):
        random_split(Squares(10), lengths)


@pytest.mark.torch
@pytest.mark.parametrize("lengths", [[0.5, 0.25, 0.25], [0.1, 0.9], [0.33, 0.33, 0.34], [2, 9]])
def test_the_parts_are_as_large_as_pytorchs(lengths: list[float]) -> None:
    data = pytest.importorskip("torch.utils.data")
    theirs = data.random_split(range(11), lengths)
    assert [len(part) for part in random_split(Squares(11), lengths)] == [len(part) for part in theirs]


def test_a_subset_may_be_chosen_by_booleans() -> None:
    data = TensorDataset(np.arange(4))
    assert [example[0].item() for example in Subset(data, np.array([True, False, True, False]))] == [0, 2]


def test_an_error_says_which_example_it_was() -> None:
    class Shaky(Dataset[int]):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> int:
            return 1 // (2 - index)

    with pytest.raises(ZeroDivisionError) as caught:
        Shaky().batch(np.arange(4))
    assert caught.value.__notes__ == ["(example 2 of Shaky)"]
