"""Measure whole training steps on real images beside PyTorch: the same batches, the same first weights, in turns A B A B.

    MINIDL_TEST_DATA=FOLDER python -m tests.benchmarks.training [mnist] [cifar10] [--steps 40] [--threads 2]

FOLDER holds mnist/ (IDX files) and cifar10/ (binary files). Loading and augmentation are the same code on both sides and are
measured by themselves. After the timed steps the two networks' losses on one batch are compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TURNS = 8


def mnist(folder: Path) -> tuple[Any, Any, Any, dict[str, Any]]:
    """LeNet-5 on 28×28 digits, batch 64, SGD with momentum."""
    import torch

    from minidl.data import RandomWarp, Standardize, idx_folder
    from minidl.models import LeNet5

    data = idx_folder(folder / "mnist", "train")
    nn = torch.nn
    theirs = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    changes = [RandomWarp(shift=1.0, degrees=10, zoom=1.1), Standardize.fit(data.images)]
    return LeNet5(), theirs, data, {"batch_size": 64, "transforms": changes}


def cifar10(folder: Path) -> tuple[Any, Any, Any, dict[str, Any]]:
    """ResNet-8 on 32×32 photographs, batch 64, SGD with momentum; random crops and mirror images."""
    from minidl.data import Standardize, cifar_folder
    from minidl.data.augment import RandomCrop, RandomHorizontalFlip
    from minidl.models.resnet_cifar import CifarResNet

    data = cifar_folder(folder / "cifar10", "train")
    changes = [RandomCrop(32, padding=4), RandomHorizontalFlip(), Standardize.fit(data.images)]
    return CifarResNet(8), _resnet8(), data, {"batch_size": 64, "transforms": changes}


def _resnet8() -> Any:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, channels: int, wanted: int) -> None:
            super().__init__()
            stride = wanted // channels
            self.conv1, self.bn1 = nn.Conv2d(channels, wanted, 3, stride, padding=1, bias=False), nn.BatchNorm2d(wanted)
            self.conv2, self.bn2 = nn.Conv2d(wanted, wanted, 3, padding=1, bias=False), nn.BatchNorm2d(wanted)
            self.stride, self.added = stride, wanted - channels

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            if self.added:
                x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
            return torch.relu(x + y)

    class ResNet8(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
            self.layers = nn.Sequential(Block(16, 16), Block(16, 32), Block(32, 64))
            self.fc = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return self.fc(self.layers(torch.relu(self.bn1(self.conv1(x)))).mean((2, 3)))

    return ResNet8()


def measure(case: Callable[[Path], tuple[Any, Any, Any, dict[str, Any]]], folder: Path, steps: int) -> None:
    """Print the seconds of an epoch of both, and their ratio."""
    import numpy as np
    import torch

    import minidl
    from minidl.data import DataLoader
    from minidl.nn import functional as F

    minidl.manual_seed(0)
    ours, theirs, data, options = case(folder)
    # Both list their parameters in the order in which the images meet them, under names of their own.
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        with torch.no_grad():
            other.copy_(torch.from_numpy(mine.data.copy()))
    settings = {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    mine = minidl.optim.SGD(ours.parameters(), **settings)
    other = torch.optim.SGD(theirs.parameters(), **settings)
    loader = DataLoader(data, shuffle=True, drop_last=True, generator=minidl.Generator(0), **options)

    def step(batch: Any) -> float:
        mine.zero_grad()
        loss = F.cross_entropy(ours(batch[0]), batch[1])
        loss.backward(retain_graph=False)
        mine.step()
        return float(loss.item())

    def torch_step(batch: Any) -> float:
        x, y = (torch.from_numpy(np.ascontiguousarray(part.data)) for part in batch)
        other.zero_grad()
        loss = torch.nn.functional.cross_entropy(theirs(x), y)
        loss.backward()
        other.step()
        return float(loss.item())

    batches = iter(loader)
    began = time.perf_counter()
    group = [next(batches) for _ in range(steps)]
    loading = (time.perf_counter() - began) / steps
    for batch in group[:3]:
        a, b = step(batch), torch_step(batch)
    assert abs(a - b) < 1e-3, (a, b)
    pairs = []
    for _ in range(TURNS):
        seconds = []
        for work in (step, torch_step):
            began = time.perf_counter()
            for batch in group:
                work(batch)
            seconds.append((time.perf_counter() - began) / steps)
        pairs.append(seconds)
    ratios = sorted(a / b for a, b in pairs)
    low, middle, high = statistics.quantiles(ratios, n=4)
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    epoch = len(loader)
    print(
        f"{case.__name__:8} minidl {1e3 * a:7.2f} ms a step, {a * epoch:6.1f} s an epoch; PyTorch {1e3 * b:7.2f} ms, "
        f"{b * epoch:6.1f} s; ratio {middle:.2f} ({low:.2f} … {high:.2f}); loading {1e3 * loading:.2f} ms a step for both"
    )


def main() -> None:
    """Run the cases that were asked for."""
    cases = {"mnist": mnist, "cifar10": cifar10}
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.training", description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help=f"{', '.join(cases)}; all by default")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if "MINIDL_TEST_DATA" not in os.environ:
        parser.error("set MINIDL_TEST_DATA to a folder that holds mnist/ and cifar10/")
    os.environ["NUMBA_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    for name in options.names or cases:
        measure(cases[name], Path(os.environ["MINIDL_TEST_DATA"]), options.steps)


if __name__ == "__main__":
    main()
