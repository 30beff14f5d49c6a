"""Multi-head attention: several attentions side by side, each in a few of the dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Node
from ...primitives.shapes.joining import cat
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter
from .linear import Linear


class MultiheadAttention(Module):
    """concat(head₁ … headₕ) Wᴼ + b, headᵢ = softmax(Qᵢ Kᵢᵀ/√d) Vᵢ, with Q, K, V linear in query, key and value.

    Args:
        embed_dim: E, numbers a query and an output.
        num_heads: h, which divides E; each head has d = E/h dimensions.
        dropout: the probability of dropping a weight while training.
        bias: whether the linear maps have biases.
        add_bias_kv: whether a learned key and value are put behind the others.
        add_zero_attn: whether a key and a value of zeros are put behind the others.
        kdim: numbers a key; E if None.
        vdim: numbers a value; E if None.
        batch_first: whether tensors are `(N, L, E)` rather than `(L, N, E)`.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Attributes:
        in_proj_weight: the three maps in one, `(3E, E)`, or None where keys or values have another size.
        in_proj_bias: `(3E,)` or None.
        out_proj: the linear layer Wᴼ.

    Source: Vaswani et al., 2017, "Attention is all you need", section 3.2.2.

    >>> import minidl
    >>> attention = MultiheadAttention(8, 2, batch_first=True)
    >>> x = minidl.ones(3, 5, 8)
    >>> output, weights = attention(x, x, x)
    >>> output.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if min(embed_dim, num_heads) < 1 or embed_dim % num_heads:
            raise UsageError(f"MultiheadAttention: num_heads={num_heads} must divide embed_dim={embed_dim}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        in_one = self.kdim == embed_dim == self.vdim

        def parameter(*shape: int, wanted: bool) -> Parameter | None:
            return new_parameter("MultiheadAttention", shape, dtype, device) if wanted else None

        self.register_parameter("in_proj_weight", parameter(3 * embed_dim, embed_dim, wanted=in_one))
        for name, size in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            self.register_parameter(f"{name}_proj_weight", parameter(embed_dim, size, wanted=not in_one))
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim, wanted=bias))
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, parameter(1, 1, embed_dim, wanted=add_bias_kv))
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the weights anew, Glorot's way, and make the biases 0."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attend.

        Args:
            query: `(L, N, E)`, or `(N, L, E)` with `batch_first`, or `(L, E)` without a batch.
            key: `(S, N, kdim)` likewise.
            value: `(S, N, vdim)` likewise.
            key_padding_mask: `(N, S)`, True for keys that are not to be seen, or what is added to their products.
            need_weights: whether to return the weights too.
            attn_mask: `(L, S)` or `(N·h, L, S)`, True where a query must not see a key, or what is added to the products.
            average_attn_weights: whether the weights returned are the heads' mean.
            is_causal: says that `attn_mask` is the causal mask; the mask itself is needed as well.

        Returns:
            The output, of the query's shape, and the weights `(N, L, S)`, `(N, h, L, S)` or None.
        """
        if is_causal and attn_mask is None:
            raise UsageError("MultiheadAttention: is_causal=True is only a hint; give the causal mask as attn_mask")
        if not query.ndim == key.ndim == value.ndim or query.ndim not in (2, 3):
            shapes = f"{query.shape}, {key.shape} and {value.shape}"
            raise ShapeError(f"MultiheadAttention: query, key and value are all (L, N, E) or all (L, E); got {shapes}")
        is_alone = query.ndim == 2
        if is_alone:
            query, key, value = query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0)
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        if (query.shape[-1], key.shape[-1], value.shape[-1]) != (self.embed_dim, self.kdim, self.vdim):
            wanted = f"{self.embed_dim}, {self.kdim} and {self.vdim}"
            got = f"{query.shape[-1]}, {key.shape[-1]} and {value.shape[-1]}"
            raise ShapeError(f"MultiheadAttention: wants {wanted} numbers a query, key and value; got {got}")
        q, k, v = self._projected(query, key, value)
        mask = self._mask(q, k.shape[-2], attn_mask, key_padding_mask)
        output, weights = self._attend(q, k, v, mask, need_weights)
        n, _, length, _ = output.shape
        output = self.out_proj(output.transpose(1, 2).reshape(n, length, self.embed_dim))
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if is_alone:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return (output if self.batch_first else output.transpose(0, 1)), weights

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Q, K and V as `(N, h, L or S, d)`."""
        e = self.embed_dim
        parts = []
        for i, (x, own) in enumerate(
            ((query, self.q_proj_weight), (key, self.k_proj_weight), (value, self.v_proj_weight))
        ):
            weight = own if self.in_proj_weight is None else self.in_proj_weight[i * e : (i + 1) * e]
            bias = None if self.in_proj_bias is None else self.in_proj_bias[i * e : (i + 1) * e]
            parts.append(F.linear(x, weight, bias))
        for i, extra in ((1, self.bias_k), (2, self.bias_v)):
            if extra is not None:
                parts[i] = cat([parts[i], extra.expand(len(parts[i]), 1, e)], 1)
            if self.add_zero_attn:
                parts[i] = cat([parts[i], parts[i].new_zeros(len(parts[i]), 1, e)], 1)
        q, k, v = (x.reshape(*x.shape[:2], self.num_heads, e // self.num_heads).transpose(1, 2) for x in parts)
        return q, k, v

    def _mask(self, q: Tensor, keys: int, attn_mask: Tensor | None, key_padding_mask: Tensor | None) -> Tensor | None:
        """Both masks as one that is added to the products; keys that were put behind the others are always seen."""
        n, heads, length, _ = q.shape
        per_head: dict[Any, Any] = {(length,): (1, 1, length), (n * heads, length): (n, heads, length)}
        per_example: dict[Any, Any] = {(n,): (n, 1, 1)}
        given = keys - (self.bias_k is not None) - self.add_zero_attn
        total: Any = None
        for name, mask, shapes in (
            ("attn_mask", attn_mask, per_head),
            ("key_padding_mask", key_padding_mask, per_example),
        ):
            if mask is None:
                continue
            if mask.shape[:-1] not in shapes or mask.shape[-1] != given:
                wanted = " or ".join(str((*shape, given)) for shape in shapes)
                raise ShapeError(f"MultiheadAttention: {name} must be {wanted}, got {mask.shape}")
            added = _as_numbers(mask, q.dtype).reshape(*shapes[mask.shape[:-1]], given)
            total = added if total is None else total + added
        if total is not None and keys != total.shape[-1]:
            total = F.pad(total, (0, keys - total.shape[-1]))
        return total

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool) -> tuple[Any, Any]:
        """The heads' outputs `(N, h, L, d)` and, if needed, their weights `(N, h, L, S)`."""
        share = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(q, k, v, mask, share), None
        scores = (q * (1.0 / math.sqrt(q.shape[-1]))) @ k.mT
        weights = F.softmax(scores if mask is None else scores + mask, -1)
        if share:
            weights = F.dropout(weights, share)
        return weights @ v, weights


def _as_numbers(mask: Any, dtype: Any) -> Tensor:
    """A mask of truth values (True hides) as what is added to the products."""
    array = mask.data if isinstance(mask, Node) else np.asarray(mask)
    if array.dtype.kind == "b":
        return Tensor(np.where(array, -np.inf, 0.0).astype(dtype))
    return mask if isinstance(mask, Tensor) else Tensor(array)
