"""Where the windows of a convolution or a pooling lie: sizes that every device and every check agrees on."""

from __future__ import annotations

Pair = tuple[int, int]


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, for both axes.

    >>> output_size((28, 28), (5, 5), (1, 1), (2, 2), (1, 1))
    (28, 28)
    """
    h, w = ((size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1))
    return h, w


def pooled_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Pair:
    """The same for pooling; with `ceil_mode` a last, incomplete window counts if it starts inside the image or before it.

    >>> pooled_size((5, 5), (2, 2), (2, 2), (0, 0), (1, 1), True)
    (3, 3)
    """
    if not ceil_mode:
        return output_size(size, kernel, stride, padding, dilation)
    sizes = []
    for a in (0, 1):
        room = size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1
        n = -(-room // stride[a]) + 1
        sizes.append(n - 1 if (n - 1) * stride[a] >= size[a] + padding[a] else n)
    return sizes[0], sizes[1]
