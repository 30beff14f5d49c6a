"""The vision transformer: an image as a sentence of patches."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any, Protocol

import numpy as np

from .. import Tensor, cat, nn
from ..errors import ShapeError, UsageError
from .parts import ImageShape


def _dropout(p: float) -> nn.Module:
    return nn.Dropout(p) if p else nn.Identity()


class ViTBlock(nn.Module):
    """x + attention(LN(x)), then x + network(LN(x)).

    Args:
        heads: heads of the attention.
        dim: numbers a token.
        mlp_dim: hidden units of the network.
        dropout: the probability of dropping after the attention and in the network, while training.
        attention_dropout: the probability of dropping an attention weight.
        drop_path: the probability of skipping the attention, and the network.
    """

    def __init__(
        self,
        heads: int,
        dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(dim, heads, attention_dropout, batch_first=True)
        self.dropout = _dropout(dropout)
        self.ln_2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(dim, mlp_dim), nn.GELU(), _dropout(dropout), nn.Linear(mlp_dim, dim), _dropout(dropout)
        )
        self.drop_path = nn.DropPath(drop_path) if drop_path else nn.Identity()
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, tokens: Tensor) -> Any:
        """`(N, L, dim)`; the same shape."""
        x = self.ln_1(tokens)
        seen, _ = self.self_attention(x, x, x, need_weights=False)
        x = tokens + self.drop_path(self.dropout(seen))
        return x + self.drop_path(self.mlp(self.ln_2(x)))


class ViTEncoder(nn.Module):
    """Positions are added to the tokens, which then pass through the blocks."""

    def __init__(self, length: int, dim: int, blocks: list[nn.Module], dropout: float) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(np.zeros((1, length, dim), np.float32))
        nn.init.normal_(self.pos_embedding, std=0.02)
        self.dropout = _dropout(dropout)
        self.layers = nn.Sequential({f"encoder_layer_{k}": block for k, block in enumerate(blocks)})
        self.ln = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, tokens: Tensor) -> Any:
        """`(N, L, dim)`; the same shape."""
        return self.ln(self.layers(self.dropout(tokens + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """A transformer that sees an image as a sequence of patches and answers in a token of its own.

    Each patch becomes a token by one linear map (a convolution that steps from patch to patch); a class token stands
    before them; learned positions are added; the scores are read from the class token. Weights have torchvision's names,
    so its checkpoints load.

    Args:
        image_shape: `(C, H, W)`, the shape of one image; H and W multiples of `patch`.
        classes: the number of classes.
        patch: the side of a patch.
        dim: numbers a token.
        depth: blocks.
        heads: heads of the attention; they divide `dim`.
        mlp_dim: hidden units of each block's network.
        dropout: the probability of dropping, while training.
        attention_dropout: the probability of dropping an attention weight, while training.
        drop_path: the probability of skipping the last block while training; it grows evenly from 0 before the first.

    Raises:
        ShapeError: the images cannot be cut into such patches.
        UsageError: the heads do not divide `dim`.

    Source: Dosovitskiy et al., 2021, "An image is worth 16×16 words".

    >>> import minidl
    >>> VisionTransformer((3, 32, 32), 10, patch=4, dim=16, depth=1, heads=2, mlp_dim=32)(minidl.zeros(2, 3, 32, 32)).shape
    (2, 10)
    """

    def __init__(
        self,
        image_shape: ImageShape,
        classes: int,
        *,
        patch: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        if height % patch or width % patch:
            raise ShapeError(f"images of {height}×{width} cannot be cut into patches of {patch}×{patch}")
        if depth < 1:
            raise UsageError(f"a transformer has at least one block; got depth={depth}")
        self.conv_proj = nn.Conv2d(channels, dim, patch, patch)
        nn.init.trunc_normal_(self.conv_proj.weight, std=sqrt(1 / prod(self.conv_proj.weight.shape[1:])))
        assert self.conv_proj.bias is not None
        nn.init.zeros_(self.conv_proj.bias)
        self.class_token = nn.Parameter(np.zeros((1, 1, dim), np.float32))
        tokens = 1 + (height // patch) * (width // patch)
        blocks: list[nn.Module] = [
            ViTBlock(heads, dim, mlp_dim, dropout, attention_dropout, drop_path * (k + 1) / depth) for k in range(depth)
        ]
        self.encoder = ViTEncoder(tokens, dim, blocks, dropout)
        head = nn.Linear(dim, classes)
        self.heads = nn.Sequential({"head": head})
        for parameter in head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        patches = self.conv_proj(images).flatten(2).transpose(1, 2)
        n, _, dim = patches.shape
        tokens = self.encoder(cat([self.class_token.expand(n, 1, dim), patches], 1))
        scores: Tensor = self.heads(tokens[:, 0])
        return scores


def vit_tiny(
    image_shape: ImageShape = (3, 32, 32),
    classes: int = 10,
    *,
    patch: int = 4,
    dim: int = 96,
    depth: int = 6,
    heads: int = 4,
    dropout: float = 0.0,
    drop_path: float = 0.0,
) -> VisionTransformer:
    """A vision transformer for small images: 64 patches of 4×4 pixels, 6 blocks; 0.46 million parameters.

    The options are `VisionTransformer`'s; each block's network has twice `dim` hidden units.

    >>> vit_tiny((1, 8, 8), patch=2, dim=32, depth=2).encoder.pos_embedding.shape
    (1, 17, 32)
    """
    return VisionTransformer(
        image_shape, classes, patch=patch, dim=dim, depth=depth, heads=heads, mlp_dim=2 * dim,
        dropout=dropout, drop_path=drop_path,
    )  # fmt: skip


class Maker(Protocol):
    """Makes a vision transformer of one size."""

    __name__: str

    def __call__(
        self,
        image_shape: ImageShape = ...,
        classes: int = ...,
        *,
        dropout: float = ...,
        attention_dropout: float = ...,
        drop_path: float = ...,
    ) -> VisionTransformer:
        """Return the network."""


def _of_size(name: str, patch: int, dim: int, depth: int, heads: int, words: str) -> Maker:
    def make(
        image_shape: ImageShape = (3, 224, 224),
        classes: int = 1000,
        *,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> VisionTransformer:
        return VisionTransformer(
            image_shape, classes, patch=patch, dim=dim, depth=depth, heads=heads, mlp_dim=4 * dim,
            dropout=dropout, attention_dropout=attention_dropout, drop_path=drop_path,
        )  # fmt: skip

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"{words} for photographs. The options are `VisionTransformer`'s."
    return make


vit_b_16 = _of_size("vit_b_16", 16, 768, 12, 12, "ViT-B/16, with 86,567,656 parameters,")
vit_b_32 = _of_size("vit_b_32", 32, 768, 12, 12, "ViT-B/32, with 88,224,232 parameters,")
vit_l_16 = _of_size("vit_l_16", 16, 1024, 24, 16, "ViT-L/16, with 304,326,632 parameters,")
vit_h_14 = _of_size("vit_h_14", 14, 1280, 32, 16, "ViT-H/14, with 632,045,800 parameters,")
