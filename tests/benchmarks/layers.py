"""Rows: single layers, at the shapes at which the networks use them, against PyTorch in both layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from .harness import Bench, Remark, Result, Work

# batch, channels, side, kernels, kernel's side, stride, padding
CONVOLUTIONS: Final = {
    "LeNet 1→6, 28², 5×5": (64, 1, 28, 6, 5, 1, 2),
    "LeNet 6→16, 14², 5×5": (64, 6, 14, 16, 5, 1, 0),
    "ResNet 3→16, 32², 3×3": (32, 3, 32, 16, 3, 1, 1),
    "ResNet 16→16, 32², 3×3": (32, 16, 32, 16, 3, 1, 1),
    "ResNet 16→32, 32², 3×3, stride 2": (32, 16, 32, 32, 3, 2, 1),
    "ResNet 32→32, 16², 3×3": (32, 32, 16, 32, 3, 1, 1),
    "ResNet 32→64, 16², 3×3, stride 2": (32, 32, 16, 64, 3, 2, 1),
    "ResNet 64→64, 8², 3×3": (32, 64, 8, 64, 3, 1, 1),
    "ViT 3→96, 32², 4×4, stride 4": (32, 3, 32, 96, 4, 4, 0),
    "32→64, 28², 3×3": (64, 32, 28, 64, 3, 1, 1),
}


def laid_out(torch: Any, array: Any, layout: str) -> Any:
    """An array as a tensor of PyTorch's in a layout."""
    tensor = torch.tensor(array)
    return tensor.contiguous(memory_format=torch.channels_last) if layout == "channels_last" else tensor


def conv(bench: Bench) -> Iterator[Result | Remark]:
    """Each convolution of the networks: forward, the gradient of the input, and that of the weight."""
    bench.peers.need("torch", "channels_last")
    import minidl
    from minidl.primitives.windows.convolution import conv_input, conv_weight

    torch = bench.peers.torch
    layouts = [layout for layout in bench.peers.layouts() if layout != "torch.compile"]
    for what, (n, c, side, k, r, stride, padding) in CONVOLUTIONS.items():
        rng = np.random.default_rng(0)
        image, kernel = rng.standard_normal((n, c, side, side)).astype("f"), rng.standard_normal((k, c, r, r)).astype("f")
        after = (side + 2 * padding - r) // stride + 1
        upstream = rng.standard_normal((n, k, after, after)).astype("f")
        x, w, g = minidl.tensor(image), minidl.tensor(kernel), minidl.tensor(upstream)
        passes: dict[str, tuple[Work, Callable[[Any, Any, Any], Work]]] = {
            "forward": (
                lambda x=x, w=w, stride=stride, padding=padding: minidl.conv2d(x, w, stride=stride, padding=padding),
                lambda s, t, h, stride=stride, padding=padding: (
                    lambda: torch.nn.functional.conv2d(s, t, stride=stride, padding=padding)
                ),
            ),
            **_gradients(conv_input, conv_weight, torch, (x, w, g), stride, padding),
        }
        for name, (ours, make) in passes.items():
            theirs = {
                layout: make(*(laid_out(torch, array, layout) for array in (image, kernel, upstream))) for layout in layouts
            }
            yield from bench.contest("conv", f"{what}: {name}", {"minidl": ours}, theirs, rtol=1e-4)
