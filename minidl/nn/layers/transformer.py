"""The transformer's encoder: blocks of self-attention and a small network, each around a shortcut."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from ..containers import ModuleList
from ..module import Module
from .attention import MultiheadAttention
from .dropout import Dropout
from .layer_normalization import LayerNorm
from .linear import Linear


class TransformerEncoderLayer(Module):
    """x + attention(x), then x + network(x), each normalised before (`norm_first`) or after the sum.

    Args:
        d_model: numbers a token.
        nhead: heads of the attention.
        dim_feedforward: hidden units of the network.
        dropout: the probability of dropping, while training.
        activation: the network's activation: "relu", "gelu" or a function.
        layer_norm_eps: ε of the two layer normalisations.
        batch_first: whether tensors are `(N, L, E)` rather than `(L, N, E)`.
        norm_first: whether to normalise before attention and network (which trains without warm-up) or after the sums (as
            in the paper).
        bias: whether linear layers and normalisations have biases.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Source: Vaswani et al., 2017, "Attention is all you need"; Xiong et al., 2020, "On layer normalization in the
    transformer architecture".

    >>> import minidl
    >>> TransformerEncoderLayer(8, 2, 16, batch_first=True)(minidl.ones(3, 5, 8)).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if isinstance(activation, str) and activation not in ("relu", "gelu"):
            raise UsageError(f"TransformerEncoderLayer: activation is relu, gelu or a function, not {activation!r}")
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, device=device, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, device, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, device, dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = activation

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Any:
        """`(L, N, E)`, or `(N, L, E)` with `batch_first`, or `(L, E)`; the same shape.

        Args:
            src: the tokens.
            src_mask: which token must not see which; see `MultiheadAttention.forward`.
            src_key_padding_mask: which tokens are not to be seen.
            is_causal: says that `src_mask` is the causal mask.
        """
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            x = src + self._attended(self.norm1(src), *masks)
            return x + self._transformed(self.norm2(x))
        x = self.norm1(src + self._attended(src, *masks))
        return self.norm2(x + self._transformed(x))

    def _attended(self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool) -> Any:
        seen, _ = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal
        )
        return self.dropout1(seen)

    def _transformed(self, x: Tensor) -> Any:
        activation = getattr(F, self.activation) if isinstance(self.activation, str) else self.activation
        return self.dropout2(self.linear2(self.dropout(activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """Several encoder blocks, each a copy of one, with the same beginning weights.

    Args:
        encoder_layer: the block.
        num_layers: how many.
        norm: a last normalisation, which blocks with `norm_first` need.
        enable_nested_tensor: accepted as in PyTorch; it makes no difference.
        mask_check: accepted as in PyTorch; it makes no difference.

    Source: Vaswani et al., 2017, "Attention is all you need".

    >>> import minidl
    >>> block = TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> TransformerEncoder(block, 3)(minidl.ones(1, 5, 8)).shape
    (1, 5, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.register_module("norm", norm)
        self.norm: Module | None

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Any:
        """The tokens; the same shape. The arguments are those of the blocks."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)
