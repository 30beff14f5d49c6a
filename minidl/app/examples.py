"""A small worked example for each operation: numbers that a lecturer would choose, and how they are called."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Primitive
from ..primitives import Elementwise, Operation, Sample
from ..primitives.operation import as_a_list
from ..primitives.operation import directly as directly_
from ..tensor import Tensor

_FIGURES = {
    "real": (1, -2, 0.5, 3, -1, 2, 0, -0.5, 1.5, -3, 4, 2.5),
    "positive": (0.5, 2, 1, 1.5, 0.8, 1.2, 0.6, 1.8, 1.6, 0.7, 1.4, 0.9),
    "nonzero": (1, -2, 0.5, 2, -1, 1.5, -0.5, 0.8, -1.5, 1.2, -0.8, 0.4),
    "distinct": (-1, 0.5, 2, 3, -2, 1, -0.5, 1.5, 4, -3, 2.5, -1.5),
    "unit": (0.2, 0.5, 0.8, 0.6, 0.1, 0.9, 0.4, 0.7, 0.3, 0.25, 0.75, 0.15),
    "beyond": (1.25, 2, 3, 1.5, 2.5, 1.8, 2.2, 1.4, 2.8, 1.6, 2.4, 1.2),
}
"""Numbers to fill an example with, for each domain of a sample."""

_IMAGE = [[[[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [2.0, 1.0, 4.0]]]]
_SIGNAL = [[[1.0, 3.0, 2.0, -1.0]]]
_SQUARE = [[2.0, 1.0], [1.0, 3.0]]
_X, _Y = [[1.0, 2.0], [3.0, -1.0]], [[2.0, 0.0], [1.0, 1.0]]
_CORNERS = [-2.0, 0.0, 3.0]
_LN3 = float(np.log(3))

CHOSEN: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    # Where a kink is worth seeing, and where the samples are too large to print.
    **dict.fromkeys(("relu", "abs", "sign", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "softplus"),
        ((_CORNERS,), {})),
    "hardtanh": (([-2.0, -1.0, 0.5],), {}),
    "relu6": (([-1.0, 3.0, 6.0, 7.0],), {}),
    "hardsigmoid": (([-4.0, 0.0, 3.0],), {}),
    "hardswish": (([-4.0, 1.0, 4.0],), {}),
    "hardshrink": (([-1.0, 0.5, 2.0],), {}),
    "softshrink": (([-1.0, 0.5, 2.0],), {}),
    "threshold": (([-1.0, 0.5, 2.0],), {"threshold": 0.5, "value": 0.0}),
    "prelu": (([-2.0, 3.0], 0.25), {}),
    "glu": (([3.0, -1.0, 0.0, 1.0],), {}),
    "clamp": (([-2.0, 0.5, 1.0, 3.0],), {"min": -1, "max": 1}),
    "maximum": (([1.0, 2.0, 3.0], [2.0, 2.0, 1.0]), {}),
    "minimum": (([1.0, 2.0, 3.0], [2.0, 2.0, 1.0]), {}),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), (([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), {})),
    **dict.fromkeys(("isnan", "isinf", "isposinf", "isneginf", "isfinite"), (([1.0, np.nan, np.inf, -np.inf],), {})),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"),
        (([True, True, False, False], [True, False, True, False]), {})),
    "signbit": (([1.0, -2.0, -0.0],), {}), "equal": (([1.0, 2.0], [1.0, 2.0]), {}),
    **dict.fromkeys(("add", "sub", "rsub"),
        (([1.0, -2.0], [3.0, 0.5]), {"alpha": 2})), "div": (([1.0, -3.0], [2.0, 4.0]), {}),
    "pow": (([2.0, 3.0], [3.0, 2.0]), {}), "sinc": (([0.0, 0.5, 1.5],), {}), "logaddexp": ((0.0, _LN3), {}),
    "logaddexp2": ((1.0, 1.0), {}), "tanhshrink": (([-1.0, 2.0],), {}), "nan_to_num": (([1.0, np.nan],), {}),
    "rrelu": (([-2.0, 3.0],), {}),
    "floor_divide": (([7.0, -7.0], [2.0, 2.0]), {}),
    "remainder": (([7.0, -7.0], [2.0, 2.0]), {}),
    "fmod": (([7.0, -7.0], [2.0, 2.0]), {}), "fmax": (([1.0, np.nan, 3.0], [2.0, 2.0, 1.0]), {}),
    "fmin": (([1.0, np.nan, 3.0], [2.0, 2.0, 1.0]), {}),
    "clamp_min": (([-2.0, 0.0, 3.0], 0.0), {}),
    "clamp_max": (([-2.0, 0.0, 3.0], 0.0), {}),
    "copysign": (([1.0, 2.0], [-1.0, 3.0]), {}), "heaviside": (([-1.0, 0.0, 2.0], 0.5), {}),
    "x.repeat": (([1.0, 2.0],), {"repeats": (2,)}),
    "x.unfold": (([1.0, 2.0, 3.0],), {"dimension": 0, "size": 2, "step": 1}),
    "einsum": (("ij,jk->ik", _X, _Y), {}), "x.where": (([1.0, 2.0], [True, False], [-1.0, -2.0]), {}),
    "x.expand_as": (([1.0, 2.0], _X), {}),
    "x.view": ((_X,), {"size": (4,)}),
    "x.__getitem__": (([1.0, 2.0, 3.0], 1), {}),
    "piecewise_linear": (([0.5, 2.0], [0.0, 1.0, 3.0], [0.0, 2.0, 1.0]), {}),
    "broadcast_to": (([1.0, 2.0],), {"size": (2, 2)}), "flatten": (([[1.0, 2.0], [3.0, -1.0]],), {}),
    "unflatten": (([1.0, 2.0, 3.0, 4.0],), {"dim": 0, "sizes": (2, 2)}),
    "swapaxes": ((_X,), {"axis0": 0, "axis1": 1}),
    "movedim": ((_X,), {"source": 0, "destination": 1}), "permute": ((_X,), {"dims": (1, 0)}), "t": ((_X,), {}),
    "atleast_1d": ((3.0,), {}), "atleast_2d": (([1.0, 2.0],), {}), "atleast_3d": (([1.0, 2.0],), {}),
    "inner": (([1.0, 2.0], [3.0, -1.0]), {}), "bmm": (([_X], [_Y]), {}), "vecdot": (([1.0, 2.0], [3.0, -1.0]), {}),
    "tensordot": ((_X, _Y), {"dims": 1}), "kron": (([1.0, 2.0], [3.0, -1.0]), {}), "multi_dot": ((_X, _Y), {}),
    "bilinear": (([1.0, 2.0], [1.0, -1.0], [[[1.0, 0.0], [0.0, 1.0]]]), {}),
    "addmm": (([[0.0, 1.0], [1.0, 0.0]], _X, _Y), {}), "addmv": (([1.0, 0.0], _X, [1.0, -1.0]), {}),
    "addr": (([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0], [3.0, -1.0]), {}),
    "baddbmm": (([_Y], [_X], [_Y]), {}),
    "addbmm": ((_Y, [_X], [_Y]), {}),
    "lstsq": (([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [[1.0], [2.0], [2.0]]), {}),
    "pinverse": (([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]],), {}),
    "solve_triangular": (([[2.0, 1.0], [0.0, 4.0]], [[3.0], [4.0]]), {"upper": True}),
    "matrix_rank": (([[1.0, 2.0], [2.0, 4.0]],), {}),
    "cond": (([[3.0, 0.0], [0.0, 4.0]],), {}), "conv3d": (([_IMAGE[0]], [[[[[1.0, 0.0], [0.0, -1.0]]]]]), {}),
    "conv_transpose3d": (([[[[[1.0, 2.0], [0.0, 3.0]]]]], [[[[[1.0, 0.0], [0.0, -1.0]]]]]), {}),
    "max_pool3d": (([_IMAGE[0]],), {"kernel_size": (1, 2, 2), "stride": 1}),
    "avg_pool3d": (([_IMAGE[0]],), {"kernel_size": (1, 2, 2), "stride": 1}),
    "max_pool1d_with_indices": ((_SIGNAL,), {"kernel_size": 2}),
    "max_pool2d_with_indices": ((_IMAGE,), {"kernel_size": 2, "stride": 1}),
    "max_pool3d_with_indices": (([_IMAGE[0]],), {"kernel_size": (1, 2, 2), "stride": 1}),
    "lp_pool1d": (([[[3.0, 4.0, 0.0, 2.0]]],), {"norm_type": 2, "kernel_size": 2}),
    "lp_pool2d": (([[[[3.0, 0.0], [0.0, 4.0]]]],), {"norm_type": 2, "kernel_size": 2}),
    "lp_pool3d": (([[[[[3.0, 0.0], [0.0, 4.0]]]]],), {"norm_type": 2, "kernel_size": (1, 2, 2)}),
    "local_response_norm": (([[[1.0, 2.0]]],), {"size": 1, "alpha": 1.0}),
    "upsample": (([[[1.0, 3.0]]],), {"scale_factor": 2}),
    "pixel_shuffle": (([[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]],), {"upscale_factor": 2}),
    "pixel_unshuffle": (([[[[1.0, 2.0], [3.0, 4.0]]]],), {"downscale_factor": 2}),
    "channel_shuffle": (([[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]],), {"groups": 2}),
    **{f"adaptive_{kind}_pool{d}d{end}": (((_SIGNAL, _IMAGE, [_IMAGE[0]])[d - 1],), {"output_size": (2, 2, (1, 2, 2))[d - 1]})
       for kind in ("avg", "max") for d in (1, 2, 3) for end in ("", "_with_indices")},
    "max_unpool1d": (([[[3.0, 2.0]]], [[[1, 2]]]), {"kernel_size": 2}),
    "max_unpool2d": (([[[[5.0]]]], [[[[3]]]]), {"kernel_size": 2}),
    "max_unpool3d": (([[[[[5.0]]]]], [[[[[3]]]]]), {"kernel_size": (1, 2, 2)}),
    "scaled_dot_product_attention": (([[1.0, 0.0]], [[2.0, 0.0], [0.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]), {}),
    "index_add": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([0, 0]), "source": np.array([10.0, 20.0])}),
    "scatter_add": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([0, 0]), "src": np.array([10.0, 20.0])}),
    "scatter": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([2, 0]), "src": np.array([10.0, 20.0])}),
    "index_copy": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([2, 0]), "source": np.array([10.0, 20.0])}),
    "index_fill": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([2, 0]), "value": 7.0}),
    "scatter_reduce": (
        ([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([0, 0]), "src": np.array([10.0, 20.0]), "reduce": "sum"},
    ),
    "masked_scatter": (([1.0, 2.0, 3.0], [True, False, True], [7.0, 8.0]), {}),
    "diagflat": (([1.0, 2.0],), {}),
    "diag_embed": (([1.0, 2.0],), {}),
    "dropout": (([1.0, 2.0, 3.0, 4.0],), {"p": 0.5}), "alpha_dropout": (([1.0, 2.0],), {"p": 0.5, "training": True}),
    "dropout1d": (([[[1.0, 2.0], [3.0, 4.0]]],), {"p": 0.5}),
    "dropout2d": (([[[[1.0, 2.0], [3.0, 4.0]]]],), {"p": 0.5}),
    "dropout3d": (([[[[[1.0, 2.0], [3.0, 4.0]]]]],), {"p": 0.5}),
    "feature_alpha_dropout": (([[[1.0, 2.0]]],), {"p": 0.5, "training": True}),
    "drop_path": (([[1.0, 2.0], [3.0, 4.0]],), {"p": 0.5}), "mode": (([1.0, 3.0, 3.0],), {}),
    "aminmax": (([1.0, 3.0, 2.0],), {}),
    "nansum": (([1.0, np.nan, 4.0],), {}),
    "nanmean": (([1.0, np.nan, 4.0],), {}),
    "nanmedian": (([1.0, np.nan, 4.0],), {}),
    "nanquantile": (([1.0, np.nan, 4.0], 0.25), {}),
    "var_mean": (([1.0, 2.0, 6.0],), {}),
    "std_mean": (([1.0, 2.0, 6.0],), {}),
    "all": (([1.0, 0.0],), {}),
    "any": (([1.0, 0.0],), {}),
    "count_nonzero": (([1.0, 0.0, -2.0],), {}),
    "unfold": ((_IMAGE,), {"kernel_size": 2}),
    "fold": (([[[1.0], [2.0], [3.0], [4.0]]],), {"output_size": 2, "kernel_size": 2}),
    "maxout": (([1.0, 3.0, 2.0, -1.0],), {"pieces": 2, "dim": 0}), "argwhere": (([[0.0, 2.0], [1.0, 0.0]],), {}),
    "batch_norm": (([[1.0], [2.0], [6.0]], None, None), {"training": True}),
    "group_norm": (([[1.0, 3.0]],), {"num_groups": 1}),
    "instance_norm": (([[[1.0, 2.0, 6.0]]],), {}), "cosine_embedding_loss": (([[3.0, 4.0]], [[4.0, 3.0]], [1.0]), {}),
    "triplet_margin_loss": (([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]]), {}),
    "margin_ranking_loss": (([1.0, 3.0], [2.0, 0.0], [1.0, 1.0]), {}),
    "hinge_embedding_loss": (([0.5, 0.25], [1.0, -1.0]), {}), "multi_margin_loss": (([[2.0, 1.5, -1.0]], [0]), {}),
    "multilabel_margin_loss": (([[2.0, 1.5, -1.0]], [[0, -1, -1]]), {}),
    "soft_margin_loss": (([1.0, -2.0], [1.0, 1.0]), {}),
    "multilabel_soft_margin_loss": (([[1.0, -2.0]], [[1.0, 0.0]]), {}),
    "kl_div": (([-1.0, -0.5], [0.25, 0.75]), {"reduction": "sum"}),
    "gaussian_nll_loss": (([1.0, 3.0], [1.5, 1.0], [1.0, 4.0]), {}),
    "poisson_nll_loss": (([0.0, 1.0], [1.0, 2.0]), {}),
    "where": (([True, False, True], [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]), {}),
    "floor": (([-1.5, 0.5, 2.0],), {}), "ceil": (([-1.5, 0.5, 2.0],), {}), "trunc": (([-1.5, 0.5, 2.0],), {}),
    "round": (([-1.5, 0.5, 2.6],), {}), "frac": (([-1.5, 0.5, 2.0],), {}),
    "amax": (([1.0, 3.0, 2.0, 3.0],), {}), "amin": (([1.0, 3.0, 2.0, 1.0],), {}),
    "max": (([1.0, 3.0, 2.0],), {}), "min": (([1.0, 3.0, 2.0],), {}), "median": (([1.0, 4.0, 2.0],), {}),
    "argmax": (([1.0, 3.0, 2.0],), {}), "argmin": (([2.0, 3.0, 1.0],), {}),
    "sum": (([1.0, -2.0, 4.0],), {}), "mean": (([1.0, -2.0, 4.0, 5.0],), {}), "prod": (([1.0, -2.0, 4.0],), {}),
    "norm": (([3.0, -4.0],), {}), "vector_norm": (([3.0, -4.0],), {}), "squared_norm": (([3.0, -4.0],), {}),
    "var": (([1.0, 2.0, 6.0],), {}), "std": (([1.0, 2.0, 6.0],), {}),
    "cumsum": (([1.0, 2.0, 3.0],), {"dim": 0}), "cumprod": (([1.0, 2.0, 3.0],), {"dim": 0}),
    "cummax": (([1.0, 3.0, 2.0],), {"dim": 0}), "cummin": (([2.0, 1.0, 3.0],), {"dim": 0}),
    "logcumsumexp": (([0.0, 1.0, 2.0],), {"dim": 0}), "logsumexp": (([0.0, _LN3],), {"dim": 0}),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), (([0.0, _LN3],), {"dim": 0})),
    "sort": (([3.0, 1.0, 2.0],), {}), "argsort": (([3.0, 1.0, 2.0],), {}), "msort": (([3.0, 1.0, 2.0],), {}),
    "topk": (([3.0, 1.0, 2.0],), {"k": 2}), "kthvalue": (([3.0, 1.0, 2.0],), {"k": 2}),
    "matmul": ((_X, _Y), {}),
    "mm": ((_X, _Y), {}),
    "mv": ((_X, [1.0, -1.0]), {}),
    "outer": (([1.0, 2.0], [3.0, -1.0]), {}),
    "dot": (([1.0, 2.0, 3.0], [2.0, 0.0, -1.0]), {}),
    "trace": ((_X,), {}),
    "transpose": ((_X,), {"dim0": 0, "dim1": 1}),
    "inv": ((_SQUARE,), {}), "inverse": ((_SQUARE,), {}), "det": ((_SQUARE,), {}), "logdet": ((_SQUARE,), {}),
    "slogdet": ((_SQUARE,), {}),
    "solve": ((_SQUARE, [3.0, 4.0]), {}),
    "pinv": (([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]],), {}),
    "cholesky": (([[4.0, 2.0], [2.0, 5.0]],), {}), "qr": (([[3.0, 1.0], [4.0, 3.0]],), {}), "eigh": ((_SQUARE,), {}),
    "eigvalsh": ((_SQUARE,), {}),
    "svd": (([[3.0, 0.0], [4.0, 5.0]],), {}),
    "svdvals": (([[3.0, 0.0], [4.0, 5.0]],), {}),
    "matrix_norm": (([[3.0, 0.0], [0.0, 4.0]],), {}), "matrix_power": ((_X,), {"n": 2}),
    "cross": (([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), {}), "linear": (([1.0, -1.0], _X, [0.5, -2.0]), {}),
    "conv1d": ((_SIGNAL, [[[1.0, -1.0]]]), {}), "conv2d": ((_IMAGE, [[[[1.0, 0.0], [0.0, -1.0]]]]), {}),
    "conv_transpose1d": (([[[1.0, 2.0]]], [[[1.0, -1.0]]]), {}),
    "conv_transpose2d": (([[[[1.0, 2.0], [0.0, 3.0]]]], [[[[1.0, 0.0], [0.0, -1.0]]]]), {}),
    "max_pool1d": ((_SIGNAL,), {"kernel_size": 2}), "avg_pool1d": ((_SIGNAL,), {"kernel_size": 2}),
    "max_pool2d": ((_IMAGE,), {"kernel_size": 2, "stride": 1}),
    "avg_pool2d": ((_IMAGE,), {"kernel_size": 2, "stride": 1}),
    "adaptive_avg_pool1d": ((_SIGNAL,), {"output_size": 2}), "adaptive_max_pool1d": ((_SIGNAL,), {"output_size": 2}),
    "one_hot": (([2, 0, 1],), {}), "embedding": (([2, 0], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), {}),
    "searchsorted": (([1.0, 3.0, 5.0], [0.0, 3.0, 4.0]), {}), "bucketize": (([0.0, 3.0, 4.0], [1.0, 3.0, 5.0]), {}),
    "bincount": (([0, 2, 2, 1],), {}), "nonzero": (([0.0, 2.0, 0.0, 3.0],), {}),
    "mse_loss": (([1.0, 3.0], [1.5, 1.0]), {}), "l1_loss": (([1.0, 3.0], [1.5, 1.0]), {}),
    "smooth_l1_loss": (([1.0, 4.0], [1.5, 1.0]), {}), "huber_loss": (([1.0, 4.0], [1.5, 1.0]), {}),
    "cross_entropy": (([[0.0, _LN3]], [1]), {}), "nll_loss": (([[-0.5, -1.0, -2.5]], [0]), {}),
    "binary_cross_entropy": (([0.8, 0.4], [1.0, 0.0]), {}),
    "binary_cross_entropy_with_logits": (([2.0, -1.0], [1.0, 0.0]), {}),
    "hinge_loss": (([[2.0, 1.5, -1.0]], [0]), {}), "cosine_similarity": (([3.0, 4.0], [4.0, 3.0]), {"dim": 0}),
    "normalize": (([3.0, -4.0],), {"dim": 0}), "pairwise_distance": (([[3.0, 0.0]], [[0.0, 4.0]]), {}),
    "layer_norm": (([1.0, 2.0, 3.0],), {"normalized_shape": (3,)}),
    "rms_norm": (([1.0, 2.0, 2.0],), {"normalized_shape": (3,)}),
    "flip": (([1.0, 2.0, 3.0],), {"dims": (0,)}),
    "roll": (([1.0, 2.0, 3.0],), {"shifts": 1}),
    "tril": ((_X,), {}),
    "triu": ((_X,), {}),
    "quantile": (([1.0, 2.0, 4.0], 0.25), {}),
    "masked_fill": (([1.0, 2.0, 3.0], [True, False, True]), {"value": 0.0}),
    "masked_select": (([1.0, 2.0, 3.0], [True, False, True]), {}),
    "diag": (([1.0, 2.0],), {}),
    "diagonal": ((_X,), {}),
    "interpolate": (([[[1.0, 3.0]]],), {"scale_factor": 2}),
    "cat": (([1.0, 2.0], [3.0]), {}),
    "stack": (([1.0, 2.0], [3.0, 4.0]), {}),
    "expand": (([1.0, 2.0],), {"size": (2, 2)}),
    "repeat_interleave": (([1.0, 2.0],), {"repeats": 2}),
    "tile": (([1.0, 2.0],), {"dims": (2,)}),
    "pad": (([1.0, 2.0],), {"pad": (1, 1)}),
    "index_select": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([2, 0])}),
    "gather": (([1.0, 2.0, 3.0],), {"dim": 0, "index": np.array([2, 0])}),
    "take": (([1.0, 2.0, 3.0],), {"index": np.array([2, 0])}),
}  # fmt: skip
"""Examples by name: the inputs, and the other arguments; the rest get theirs from a sample."""

ONE_OF = {
    "softmax",
    "log_softmax",
    "softmin",
    "layer_norm",
    "rms_norm",
    "normalize",
    "batch_norm",
    "instance_norm",
    "group_norm",
}
"""Whose outputs depend on each other: the gradient of their sum says little, so it is that of the first output."""

_LETTERS = {
    "input": "x", "other": "y", "end": "y", "exponent": "y", "a": "x", "b": "y", "x1": "x", "x2": "y", "input1": "x",
    "input2": "y", "target": "t", "weight": "w", "bias": "b", "vec": "v", "vec1": "u", "mat": "x", "mat1": "x", "mat2": "y",
    "batch1": "x", "batch2": "y", "anchor": "a", "positive": "p", "negative": "n", "query": "Q", "key": "K", "value": "V",
    "teacher": "z", "var": "v", "knots": "k",
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """One call of an operation.

    Attributes:
        inputs: the tensors that it was given, each named as the formula names it.
        params: the other arguments.
        value: what it returned.
        upstream: the gradient that arrives at the first result; ones where None.
    """

    inputs: tuple[Tensor, ...]
    params: dict[str, Any]
    value: Any
    upstream: Any = None


def example(op: Operation) -> Example | None:
    """Run the operation's example; None where all its samples are too large.

    >>> from minidl.primitives import catalogue
    >>> made = example(catalogue["minidl.maximum"])
    >>> made.value
    tensor([2., 2., 3.], dtype=minidl.float64, name='z', from=maximum)
    """
    numbers, params = CHOSEN.get(f"x.{op.name}" if op.homes == ("Tensor",) else op.name, ((), {}))
    arrays = [x if x is None or isinstance(x, str) else np.asarray(x) for x in numbers]
    chosen = bool(arrays)
    if not chosen:
        found = _from_samples(op)
        if found is None:
            return None
        arrays, params = found
    named = zip(arrays, letters(op, len(arrays), chosen), strict=True)
    given = [Tensor(a, requires_grad=a.dtype.kind == "f", name=n) if isinstance(a, np.ndarray) else a for a, n in named]
    inputs = [x for x in given if isinstance(x, Tensor)]
    value = call(op, Sample((), params), given if chosen else inputs, directly=chosen)
    parts = results(value)
    for part, name in zip(parts, output_names(op, value, len(parts)), strict=True):
        if part.name is None and not any(part is x for x in inputs):
            part.name = name
    upstream = None
    if op.name in ONE_OF:
        upstream = np.zeros(parts[0].shape)
        upstream.flat[0] = 1.0
    return Example(tuple(inputs), dict(params), value, upstream)


def _from_samples(op: Operation) -> tuple[list[Any], dict[str, Any]] | None:
    """Fill the smallest sample that is not empty and no single number, if there is one, with round numbers."""
    single = isinstance(op.function, Elementwise)

    def size(s: Sample) -> int:
        return sum(int(np.prod(np.shape(x) if isinstance(x, np.ndarray) else x)) for x in s.shapes)

    ranked = sorted(op.samples, key=lambda s: (size(s) == 0, not single and size(s) <= len(s.shapes), size(s)))
    best = ranked[0]
    if size(best) > 200:
        return None
    figures = _FIGURES[best.domain]
    arrays, at = [], 0
    for s in best.shapes:
        if isinstance(s, np.ndarray):
            arrays.append(s)
            continue
        shape = (3,) if single and all(isinstance(x, tuple) for x in best.shapes) else s
        count = int(np.prod(shape))
        arrays.append(np.array([figures[(at + k) % len(figures)] for k in range(count)], float).reshape(shape))
        at += count
    return arrays, dict(best.params)


def letters(op: Operation, count: int, directly: bool = True) -> list[str]:
    """What the formula calls the inputs: x, y, …; X, Y for matrices; A where it speaks of A.

    >>> from minidl.primitives import catalogue
    >>> letters(catalogue["minidl.matmul"], 2), letters(catalogue["minidl.nn.functional.mse_loss"], 2)
    (['X', 'Y'], ['x', 't'])
    """
    written = set(re.findall("[A-Za-z]+", f"{op.formula} {op.derivative}"))
    if isinstance(op.function, Primitive):
        names = list(op.function.arguments)
    else:
        kinds = inspect.signature(op.function).parameters.values()
        names = [p.name for p in kinds if p.kind is not p.KEYWORD_ONLY and p.kind is not p.VAR_POSITIONAL]
    if op.call is as_a_list or names[:1] == ["tensors"] or not names:
        if op.name == "einsum":
            return ["", "x", "y"][-count:]
        return [f"{'A' if 'A₁' in op.formula else 'x'}{'₁₂₃₄₅₆₇₈₉'[k]}" for k in range(count)]
    if not directly and op.call is not directly_:
        names = [n for n in names if n not in _NO_TENSORS]
    found = []
    for k, name in enumerate([*names, *"uvw"][:count]):
        letter = _LETTERS.get(name, name)
        if name == "tensor" or name == "vec2":
            letter = "x" if k == 0 else "v" if name == "vec2" and "v" in written else "y"
        if name == "input" and re.match(r"(b?add)(b?mm|mv|r$)", op.name):
            letter = "c"
        if name == "input" and "A" in written:
            letter = "A"
        if name in ("weight", "bias") and "γ" in op.formula:
            letter = "γ" if name == "weight" else "β"
        if name == "b" and "B" in written:
            letter = "B"
        if len(letter) == 1 and letter.upper() in written:
            letter = letter.upper()
        found.append(letter)
    return found


def output_names(op: Operation, value: Any, count: int) -> list[str]:
    """What the formula calls the results, or what they are called in the tuple that holds them."""
    left = LEFT.match(op.formula)
    names = [re.sub(r"\[.*|[ᵢⱼₖₙ]+$", "", n) for n in left[1].split(", ") if n != "…"] if left else []
    names = re.findall(r"(?:^|, )([yY][₁₂]) = ", op.formula) or names
    fields = getattr(value, "_fields", ())
    if len(names) < count == len(fields):
        return [output(op) if f == "values" else f for f in fields]
    if len(names) < count:
        out = names[0] if names and count == 1 else output(op)
        names = [out] if count == 1 else [f"{out}{'₁₂₃₄₅₆₇₈₉'[k % 9]}" for k in range(count)]
    return names[:count]


_NAME = r"[A-Za-zλ][₁₂₃ᵢⱼₖₙᵀ]*(?:\[[^\]]*\])?"
LEFT = re.compile(rf"({_NAME}(?:, (?:{_NAME}|…))*) (?:=|with(?= [^,]* = )) ?")
"""The left side of a formula that has one."""

_NO_TENSORS = {"dim", "index", "indices", "mask", "running_mean", "running_var", "condition", "dims", "size"}
"""Arguments that a sample gives by name."""


def output(op: Operation) -> str:
    """What the result is called: z where there is an input y, L for a loss, else y.

    >>> from minidl.primitives import catalogue
    >>> [output(catalogue[f"minidl.{name}"]) for name in ("tanh", "mul", "clamp_min")]
    ['y', 'z', 'y']
    """
    told = re.match(r"∂([A-Zyzh])[ᵢⱼ₁₂]*/|([A-Zyzh])[ᵢⱼₖₙ]* = ", op.derivative)
    if told and told[1] not in (None, "L"):
        return told[1]
    named = re.match(rf"({_NAME}) = ", op.formula)
    if named:
        return named[1][0]
    if isinstance(op.function, Primitive):
        return "z" if "y" in letters(op, len(op.function.arguments)) else "y"
    return "z" if "y" in re.findall("[A-Za-z]+", op.formula) else "y"


def call(op: Operation, sample: Sample, inputs: Sequence[Tensor], directly: bool = False) -> Any:
    """Run an operation on the inputs of a sample; `directly` where they are its arguments as they stand."""
    from ..primitives.random import default_generator

    before = default_generator.get_state()
    try:
        params = {
            k: Tensor(v, directly and v.dtype.kind == "f", name=k) if isinstance(v, np.ndarray) else v
            for k, v in sample.params.items()
        }
        if directly and op.call is not as_a_list:
            return op.function(*inputs, **params)
        return op.call(op.function, list(inputs), params)
    finally:
        default_generator.set_state(before)


def results(value: Any) -> list[Tensor]:
    """The tensors in a result."""
    if isinstance(value, tuple | list):
        return [t for part in value for t in results(part)]
    return [value] if isinstance(value, Tensor) else []
