"""Training, validation and test data, and a witness to how often the test data was looked at."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageError
from .images import ImageDataset
from .split import stratified_split


class TestDataReused(UserWarning):
    """The test data was asked for again after something was changed; it has become validation data."""

    __test__ = False  # a class for pytest to leave alone, in spite of its name


@dataclass(slots=True, eq=False)
class Splits:
    """A data set divided in three: to learn from, to choose by, and to be judged on once.

    Whoever picks a learning rate, a model, an epoch by its accuracy on the test data has used the test data for training,
    and its accuracy says too much. So `test` asks what is being judged, writes it down, and warns when another
    configuration is judged on the same data.

    Attributes:
        train: to learn from.
        validation: to choose by, as often as one likes.
        judged: the configurations that were judged on the test data, oldest first.

    >>> from minidl.data import digits
    >>> splits = Splits.of(digits())
    >>> len(splits.train), len(splits.validation), len(splits.test({"lr": 0.1}))
    (1150, 288, 359)
    """

    train: ImageDataset
    validation: ImageDataset
    _test: ImageDataset
    judged: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, dataset: ImageDataset, fractions: Sequence[float] = (0.64, 0.16, 0.2), seed: int = 0) -> Splits:
        """Divide a data set at random, each class in the same proportion.

        Args:
            dataset: the whole.
            fractions: the shares of the three parts; together 1.
            seed: the same seed gives the same parts.

        Raises:
            UsageError: not three fractions that sum to 1.
            DataError: a class has too few examples.
        """
        if len(fractions) != 3:
            raise UsageError(
                f"there are three parts: training, validation and test; got the fractions {list(fractions)}"
            )
        train, validation, test = stratified_split(dataset.labels, fractions, seed)
        return cls(dataset.subset(train), dataset.subset(validation), dataset.subset(test))

    @classmethod
    def of_two(cls, train: ImageDataset, test: ImageDataset, validation: float = 0.1, seed: int = 0) -> Splits:
        """Take a share of the training data for validation, where a data set brings its own test data.

        Raises:
            UsageError: the share is not between 0 and 1.
            DataError: a class has too few examples.
        """
        kept, held_out = stratified_split(train.labels, [1 - validation, validation], seed)
        return cls(train.subset(kept), train.subset(held_out), test)

    def test(self, configuration: Mapping[str, Any]) -> ImageDataset:
        """Return the test data, to judge what was trained with `configuration`.

        Args:
            configuration: all that decided the result, in plain values: model, learning rate, epochs, seed, …

        Warns:
            TestDataReused: another configuration was judged before; the same one may be judged again.
        """
        record = json.loads(json.dumps(dict(configuration), sort_keys=True, default=str))
        others = [earlier for earlier in self.judged if earlier != record]
        if record not in self.judged:
            self.judged.append(record)
        if others:
            last = others[-1]
            keys = (key for key in {**last, **record} if last.get(key) != record.get(key))
            changes = ", ".join(f"{key} {last.get(key)!r} → {record.get(key)!r}" for key in keys)
            warnings.warn(
                f"the test data has judged {len(self.judged)} configurations (since the last one: {changes}). Choosing "
                "between them by these results makes it validation data; choose by splits.validation, and judge once",
                TestDataReused,
                stacklevel=2,
            )
        return self._test
