"""Shape and indexing against PyTorch: hundreds of expressions, each evaluated in both libraries.

Where PyTorch refuses an expression, so do we, with an error of our own; otherwise shape, dtype, values and gradients agree.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import MinidlError
from minidl.primitives.shapes.indexing import set_item

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

INDEXES = """
x[0]; x[-1]; x[1, 2]; x[1, 2, 3]; x[...]; x[..., 0]; x[0, ...]; x[..., 0, :]; x[:]; x[()]; x[None]; x[:, None]
x[None, ..., None]; x[None, None, 0]; x[0, None, 1]; x[..., None, 2]; x[1:]; x[:-1]; x[::2]; x[1::2, ::3]
x[:, 1:3, 1:9]; x[5:]; x[-10:10]; x[3:1]; x[:, -2:-1]; x[I(0):I(1)]; x[I(1)]; x[I(1), I(2)]; x[I(1):, 0]
x[np.int64(1)]; x[np.array(1)]; x[np.array([0, 1])]; x[np.array([True, False])]; x[np.array([0, 1], np.int16)]
x[range(2)]; x[True:2]; x[[0, 1]]; x[[1, 1, 0]]; x[[-1]]; x[[0, 1],]; x[(0, 1),]; x[[[0, 1], [1, 0]],]
x[[True, False]]; x[[]]; x[(),]; x[[], 0]; x[0, []]; x[:, [2, 0]]; x[:, :, [3, 0, 3]]; x[[0, 1], [1, 2]]
x[[0, 1], :, [0, 1]]; x[:, [0, 1], [0, 1]]; x[[0, 1], [0, 1], [0, 1]]; x[[0], [0, 1, 2]]; x[[[0], [1]], [0, 2]]
x[0, :, [0, 1]]; x[:, 0, [0, 1]]; x[[0, 1], 0, [0, 1]]; x[[0, 1], 0, :]; x[[0, 1], 0]; x[0, [0, 1], 1]
x[[0, 1], ..., [0, 1]]; x[:, None, [0, 1]]; x[[0, 1], None, [0, 1]]; x[None, [0, 1]]; x[[0, 1], None]
x[None, :, [0, 1], None]; x[..., [0, 1], None]; x[[0, 1], ::2, [0, 1]]; x[1:, [0, 1]]; x[[0, 1], 1:]
x[::2, [0, 1], ::2]; x[I([0, 1])]; x[I([[0, 1], [1, 0]])]; x[I([0]), I([[0], [2]])]; x[I([0, 1]), I(0), :]
x[I([0, 1]), I(0)]; x[:, I([0, 1]), I([[0], [3]])]; x[i32]; x[i32, 0]; x[I(0), I([0, 1])]; x[True]; x[False]
x[True, 1]; x[1, True]; x[True, [0, 1]]; x[False, [0]]; x[[0, 1], True]; x[[0, 1], :, True]; x[:, True, [0, 1, 1]]
x[True, False]; x[True, True]; x[True, :, [0, 1]]; x[B(True)]; x[B(False)]; x[..., True]; x[True, ..., 0]
x[None, True]; x[x > 3]; x[x > 99]; x[x[:, :, 0] > 3]; x[x[:, 0, 0] > 3]; x[:, x[0] > 2]; x[:, x[0, :, 0] > 2]
x[..., x[0, 0] > 1]; x[x[:, 0, 0] > 3, 1]; x[x[:, :, 0] > 3, 1]; x[x[:, :, 0] > 3, [0]]; x[x[:, :, 0] > 3, None]
x[x[:, 0, 0] > 3, :, [0, 1]]; x[0, x[0] > 2]; x[x > 3, None]; x[B([True, False]), B([True, False, False])]
x[B([True, False]), :, B([True, False, False, False])]; x[B([True, True]), 0, [0, 1]]; s[...]; s[None]; s[()]; s[True]
s[False]; s[B(True)]; s[None, None]; s[s > 0]; e[[]]; e[:]; e[:, 0]; e[:, [0, 1]]; e[x[0, :0, :3] > 0]; x[2]; x[-3]
x[0, 3]; x[0, 0, 0, 0]; x[..., 0, 0, 0, 0]; x[[2]]; x[[-3]]; x[:, [3]]; x[[0], [0], [0], [0]]; x[[0, 1], [0, 1, 2]]
x[::-1]; x[::0]; x[0:1.5]; x['a']; x[1.0]; x[{}]; x[I([1.0])]; x[I(1.0)]; x[I([0, 2])]; x[i16]; x[(1.5,)]; x['a':]
x[B([True, True, False])]; x[B([[True, True], [True, True]])]; x[x > 3, 0]; x[False, [0, 1]]
x[B([True, False]), [0, 1, 2]]; s[0]; s[:]; s[[0]]; s[..., 0]; e[0]; e[[0]]; e[:, 3]; x[object()]; x[None, 2]
x[0, None, 3]; x[x[:1, :, 0] > 3]; x[1, ..., [0, 2], 1]; x[:, [[0, 1]], None, [[1], [2]]]; x[I([[]], int)]
x[1:2, True, 0]; x[B([[True, False, True], [False, True, False]]), 1:]; e[..., None, 0]; e[:, [0]]; one[0, :, 0]
one[[0], :, [0]]; xi[xi > 5]; xi[[1]]; z[[True, False, True]]; z[None, [0, 2]]; v0[v0 > 0]; v0[[]]; v0[0]
"""

SHAPES = """
x.reshape(-1); x.reshape(()); s.reshape(()); x.reshape(2, -1, -1); x.reshape(-2, 12); x.reshape((4, 6))
x.reshape(shape=(4, -1)); x.reshape([6, 4]); v0.reshape(-1); v0.reshape(0, -1); v0.reshape(-1, 0); x.reshape((2, 3), 4)
x.reshape(4.0, 6); m.reshape(x, (3, -1)); m.reshape(x, (5, 5)); x.view(4, 6); x.view(size=(4, 6)); x.view(-1)
x.view(5); x.view_as(s); s.view(1, 1); x.reshape_as(x[None]); x.permute(2, 0, 1); x.permute((2, 0, 1))
x.permute(dims=(2, 0, 1)); x.permute(2, 0); m.permute(x, (0, 0, 1)); m.permute(x, (0, 1, 3)); x.expand(2, 3, 4)
x.expand(-1, 2, 3, 4); x.expand(5, -1, -1, -1); x.expand(3, 4); x.expand(2, 3, 4, 4); x[:, :1].expand(2, 5, 4)
x[:, :1].expand(size=(-1, 3, -1)); x.expand_as(x[None]); s.expand(2, 2); s.expand_as(x); m.broadcast_to(s, (2, 0))
m.broadcast_to(x, (1, -1, -1, -1)); x[:1, :1, :1].expand(0, 1, 1); m.broadcast_tensors(s, x)
m.broadcast_tensors(x, x[0, :, :2]); m.broadcast_tensors(x, x[0]); x.flatten(); x.flatten(1); x.flatten(2, 1)
m.flatten(x, start_dim=-2); m.flatten(x, 0, 1); s.flatten(); s.ravel(); x.ravel(); x.flatten(3)
x.unflatten(2, (2, -1)); x.unflatten(2, ()); x.unflatten(2, (3, 2)); x.unflatten(2, (-1, -1)); x.unflatten(-1, (4,))
x.unflatten(dim=0, sizes=[1, 2]); x[:0].unflatten(0, (0, -1)); x[:0].unflatten(0, (-1, 2)); x.squeeze((0, 0))
one.squeeze(); one.squeeze((0, 1)); one.squeeze(()); one.squeeze(dim=-1); one.squeeze(1); s.squeeze(0); s.squeeze(1)
s.squeeze(-1); s.squeeze(); s.unsqueeze(-1); s.unsqueeze(1); x.unsqueeze(4); x.unsqueeze(-4); x.unsqueeze(dim=1)
x.transpose(0, 1); x.transpose(dim0=0, dim1=-1); x.transpose(0, 3); s.transpose(0, -1); x.swapaxes(0, 1)
x.swapaxes(axis0=0, axis1=1); x.swapdims(0, 2); x.t(); x[0].t(); s.t(); x[0, 0].t(); x.movedim(0, -1)
x.movedim((0, 1), (1, 0)); x.movedim((0, 0), (1, 0)); x.movedim((0, 1), (1,)); s.movedim(0, 0)
m.movedim(x, source=0, destination=1); x.moveaxis(0, 1); x.movedim((2, 0), (0, 1)); x.movedim(3, 0); x.mT; x[0].T
x.narrow(1, 1, 2); x.narrow(1, -2, 2); x.narrow(1, 2, 2); x.narrow(1, 0, -1); x.narrow(1, 3, 0); x.narrow(1, 4, 0)
x.narrow(1, I(1), 2); s.narrow(0, 0, 1); x.select(1, -1); x.select(1, 3); x.select(dim=0, index=1); s.select(0, 0)
x.type_as(xi); xi.type_as(s); x.repeat(2); x.repeat(2, 1, 1); x.repeat(2, 1, 1, 1); x.repeat(0, 1, 1)
x.repeat(-1, 1, 1); x.repeat(repeats=(2, 1, 1)); x.repeat((1, 2, 1)); s.repeat(3); s.repeat(()); x.tile(2)
x.tile((2,)); x.tile(dims=(2, 1, 1, 1)); m.tile(x, (2,)); m.tile(x, ()); s.tile((2, 2)); x.tile((-1,))
m.repeat_interleave(x, 2); m.repeat_interleave(x, 2, dim=1); m.repeat_interleave(x, I([1, 2, 0]), dim=1)
m.repeat_interleave(x, I([2]), dim=1); m.repeat_interleave(x, I(2), -1); m.repeat_interleave(x, I([1, 2]), dim=1)
m.repeat_interleave(x, I([1, 2, 0]), dim=1, output_size=3); m.repeat_interleave(x, I([1, 2, 0]), dim=1, output_size=4)
m.repeat_interleave(I([1, 2, 0])); m.repeat_interleave(x, -1); m.repeat_interleave(s, 3)
m.repeat_interleave(x, I([1.0, 2.0, 0.0]), dim=1); x.repeat_interleave(2, 0); m.repeat_interleave(s, 3, 0)
m.cat([x, v0]); m.cat([v0, x], 2); m.cat([v0]); m.cat([v0, v0]); m.cat([x, x[0, :0, :3]]); m.cat([x, x[:0]])
m.cat([s, s]); m.cat([]); m.cat([x, xi]); m.cat([f32, xi[0, 0]]); m.cat([f32, x[0, 0]]); m.cat([v0, f32])
m.cat((x, x), dim=-1); m.cat(x); m.cat([x, x[0]]); m.cat([x, x[:, :1]]); m.cat([B([True]), I([1])]); m.concat([x, x])
m.concatenate((x, x), 1); m.cat(tensors=[x], dim=0); m.cat([x, x], 3); m.stack([s, s]); m.stack([x, x], 3)
m.stack([x, x], 4); m.stack([]); m.stack([x, xi]); m.stack([x, x[0]]); m.stack(x, 1); m.stack([x, x], dim=-1)
m.hstack([s, s]); m.hstack([x, x]); m.vstack([s, x[0, 0, :1]]); m.vstack([f32, f32]); m.dstack([s, s])
m.dstack([f32, f32]); m.dstack([x, x]); m.column_stack([f32, f32[:, None]]); m.column_stack([s, s])
m.column_stack([x, x]); m.hstack([x, x[0]]); m.split(x, 2, 2); m.split(x, 3, 2); m.split(x, [1, 3], 2)
m.split(x, [1, 2], 2); m.split(x, 0, 2); m.split(v0, 0); m.split(v0, 2); m.split(x, -1, 2); m.split(x, [1, -1, 4], 2)
m.split(s, 1); x.split(2, dim=2); m.split(x, split_size_or_sections=2); x.split((1, 1)); m.split(x, 9)
m.tensor_split(x, 3, 2); m.tensor_split(x, (1, 3), 2); m.tensor_split(x, (3, 1), 2); m.tensor_split(x, (-1, 9), 2)
m.tensor_split(x, 0); m.tensor_split(s, 1); m.tensor_split(x, I([1, 3]), dim=2); m.tensor_split(x, I(3), dim=2)
x.tensor_split(2, dim=-1); m.tensor_split(x, ()); m.chunk(x, 3, 2); m.chunk(x, 9, 2); m.chunk(x, 0); m.chunk(x[:0], 3)
m.chunk(s, 1); x.chunk(2, dim=1); m.unbind(x); m.unbind(s); m.unbind(x[:0]); m.unbind(x, -1); x.unbind(dim=1)
m.flip(x, (0,)); m.flip(x, (0, 0)); m.flip(x, ()); x.flip(0, 2); x.flip(dims=(0,)); x.flip(-1); s.flip(()); s.flip(0)
x.flip(3); m.fliplr(x); m.fliplr(f32); m.flipud(x); m.flipud(s); m.roll(x, 1); m.roll(x, (1, 2), (0, 1))
m.roll(x, 1, (0, 1)); m.roll(x, (1, 2), 0); m.roll(x, (1, 2)); x.roll(shifts=-5, dims=2); m.roll(x, (1, 1), (2, 2))
m.roll(s, 1); m.roll(s, 1, 0); m.roll(x, (), ()); m.roll(x, 1, 3); m.roll(v0, 1); m.roll(x[:0], 1); m.rot90(x)
m.rot90(x, 1, [0, 1]); m.rot90(x, -3, (1, 2)); m.rot90(x, 2, [0, -1]); m.rot90(x, 4, [0, 0]); m.rot90(x, 1, [0])
m.rot90(x, 1, [0, 3]); m.rot90(f32); m.rot90(x, 1, [0, -3]); x.rot90(k=5); m.meshgrid(f32, f32[:2], indexing='ij')
m.meshgrid(f32, f32[:2], indexing='xy'); m.meshgrid([f32, f32[0]], indexing='ij')
m.meshgrid(f32, I([3]), indexing='ij'); m.meshgrid(x, x, indexing='ij'); m.meshgrid(f32, indexing='ab')
m.meshgrid(f32, f32, f32[:2], indexing='xy'); m.meshgrid(f32, indexing='xy'); m.cartesian_prod(f32, f32[:2])
m.cartesian_prod(f32); m.cartesian_prod(x); m.cartesian_prod(f32, f32, f32); m.atleast_1d(s); m.atleast_2d(f32)
m.atleast_3d(x[0]); m.atleast_1d(s, x); m.atleast_1d((s, x)); m.atleast_3d(f32); m.atleast_2d(s); m.tril(x)
m.tril(x[0], 1); m.triu(x[0], diagonal=-1); m.tril(f32); m.tril(x > 3); m.triu(xi); m.triu(x, 9); m.tril(x, -9)
m.diag(f32); m.diag(f32, 1); m.diag(f32, -2); m.diag(x[0]); m.diag(x[0], diagonal=-1); m.diag(x[0], 9); m.diag(s)
m.diag(x); m.diagonal(x); m.diagonal(x, 1, 0, 2); m.diagonal(x, 0, 0, 0); m.diagonal(x, 0, 2, 1); m.diagonal(x, 9)
m.diagonal(x, -2, 1, 2); m.diagonal(s); x.diagonal(offset=1, dim1=-1, dim2=0); m.diag_embed(x[0])
m.diag_embed(x[0], 1, 0, 2); m.diag_embed(x[0], -1, 0, -2); m.diag_embed(s); m.diag_embed(x[0], 0, 1, 1)
m.diag_embed(x, -1, 2, 0); m.diagflat(x[0]); m.diagflat(s, 2); x.unfold(1, 2, 1); x.unfold(1, 4, 1); x.unfold(2, 2, 2)
x.unfold(-1, 0, 1); x.unfold(-1, 2, 0); x.unfold(-1, -1, 1); s.unfold(0, 1, 1); s.unfold(0, 2, 1); s.unfold(0, 0, 1)
x.unfold(dimension=2, size=3, step=1); x.unfold(2, 2, 9); F.unfold(x[None], 2); F.unfold(x, 2)
F.unfold(x, (2, 3), dilation=1, padding=1, stride=2); F.unfold(x[0], 2); F.unfold(x[None], (4, 2))
F.unfold(x[None], 2, stride=0); F.unfold(x[:0][None], 2); F.unfold(x[None][:0], 2); F.unfold(x[None], 1, 2, 1, 3)
F.fold(x.reshape(1, 4, 6), (3, 4), 2); F.fold(x.reshape(4, 6), (3, 4), 2); F.fold(x.reshape(1, 4, 6), (3, 5), 2)
F.fold(x.reshape(1, 6, 4), (3, 3), 2, padding=0); F.fold(x.reshape(1, 3, 8), (3, 4), 2)
F.fold(x.reshape(1, 4, 6)[:0], (3, 4), 2); F.fold(x.reshape(1, 4, 6), (4, 5), 2, 2)
F.fold(x.reshape(1, 6, 4), 3, (1, 2))
"""

PADS = """
F.pad(x, (1, 2)); F.pad(x, (1, 2, 3)); F.pad(x, (1, 2, 0, 1), 'constant', 9.0); F.pad(x, (-1, 2))
F.pad(x, (-1, -1, -1, 0), value=5); F.pad(x, (-5, 2)); F.pad(x, (-2, -2)); F.pad(x, (-2, -3)); F.pad(x, ())
F.pad(x, (0,) * 8); F.pad(xi, (1, 1), value=1.5); F.pad(x > 3, (1, 1), value=1.5); F.pad(x > 3, (1, 1)); F.pad(s, ())
F.pad(s, (1, 1)); F.pad(x, (1, 1), mode='constant', value=None); F.pad(x, (0, 1), value=float('nan'))
F.pad(x, (1, 1, 1, 1, 1, 1), value=-float('inf')); F.pad(x, (1, 1), 'reflect'); F.pad(x, (3, 3), 'reflect')
F.pad(x, (4, 0), 'reflect'); F.pad(x, (-1, 1), 'reflect'); F.pad(x, (-1, 3), 'reflect'); F.pad(x, (-1, -3), 'reflect')
F.pad(x, (1, 1, 1, 1), 'reflect'); F.pad(x, (1, 1, 1, 1, 1, 1), 'reflect'); F.pad(x[0], (1, 1), 'reflect')
F.pad(x[0], (1, 1, 1, 1), 'reflect'); F.pad(x[0, 0], (1, 1), 'reflect'); F.pad(x[None], (1, 1, 1, 1), 'reflect')
F.pad(x[None], (1, 1), 'reflect'); F.pad(x[None, None], (1, 1, 1, 1, 1, 1), 'reflect')
F.pad(x[None], (1, 1, 1, 1, 1, 1), 'reflect'); F.pad(x[None, None], (1, 1, 1, 1), 'reflect')
F.pad(x, (1, 1), 'reflect', 1.0); F.pad(x, (1, 1), 'reflect', 0); F.pad(x, (5, 1), 'replicate')
F.pad(x, (-1, 1), 'replicate'); F.pad(x, (-4, 1), 'replicate'); F.pad(x, (1, -4), 'replicate')
F.pad(x[0], (5, 1), 'replicate'); F.pad(x[0, 0], (5, 1), 'replicate'); F.pad(e[None].mT, (1, 1), 'replicate')
F.pad(x[:0], (1, 1), 'replicate'); F.pad(x[:0], (1, 1), 'reflect'); F.pad(x[:0], (1, 1), 'circular')
F.pad(x[:, :, :0], (1, 1), 'circular'); F.pad(x[:, :, :0], (1, 1)); F.pad(xi, (1, 1), 'reflect')
F.pad(xi, (1, 1), 'replicate'); F.pad(xi, (1, 1), 'circular'); F.pad(x, (4, 3), 'circular')
F.pad(x, (5, 0), 'circular'); F.pad(x, (2, 2, 1, 1), 'circular'); F.pad(x[0], (2, 2), 'circular')
F.pad(x[0, 0], (2, 2), 'circular'); F.pad(x[None], (2, 2, 3, 1), 'circular'); F.pad(x, (-1, 2), 'circular')
F.pad(x.detach(), (-1, 4), 'circular'); F.pad(x, (-1, -1), 'circular'); F.pad(x, (1, 1), 'bad'); F.pad(x, (1,))
F.pad(x, (1.5, 1)); F.pad(input=x, pad=(0, 0)); F.pad(x, (2, -1), 'circular'); F.pad(x, (0, 0), 'reflect')
"""

PICKS = """
m.gather(x, 1, I([[[0, 1], [2, 0]]])); m.gather(x, 1, zeros(3, 2, 2)); m.gather(x, 1, zeros(2, 5, 4))
m.gather(x, 1, zeros(2, 5, 5)); m.gather(x, 1, zeros(2, 2)); m.gather(x, 1, I([[[3]]])); m.gather(x, 1, I([[[-1]]]))
m.gather(x, -1, I([[[3]]])); m.gather(x, 1, I([[[0.0]]])); m.gather(s, 0, I(0)); m.gather(s, 0, I([0]))
m.gather(f32, 0, I(1)); m.gather(x, 1, zeros(0)); m.gather(s, 0, I([0, 0])); x.gather(dim=2, index=zeros(2, 3, 1))
m.gather(f32, 0, i32); m.gather(f32, 0, i16); m.gather(x, 3, zeros(1, 1, 1)); m.scatter(z, 0, I([0, 2]), I([5.0, 6.0]))
m.scatter(z, 0, I([0, 2]), 5); m.scatter(z, 0, I([0, 2]), value=5); m.scatter(z, 0, I([0, 2]), I([5.0]))
m.scatter(z, 0, I([0, 2]), I([5, 6])); m.scatter(z, 0, I([0, 3]), I([5.0, 6.0]))
m.scatter(z, 0, I([0, -1]), I([5.0, 6.0])); m.scatter(z, 0, I([0, 0]), I([5.0, 6.0]), reduce='bad')
m.scatter(xi[0], 1, I([[0]]), 1.5); m.scatter(x[0], 1, I([[0, 2]]), x[1].detach())
m.scatter(x[0], 1, zeros(4, 1), 1.0); m.scatter(z, 0, zeros(0), 1.0); m.scatter(z[0], 0, I(0), 1.0)
m.scatter(z, 0, I([0, 1])); z.scatter(0, I([2, 1]), I([5.0, 6.0]))
m.scatter(z.detach(), 0, I([0, 2]), 2.0, reduce='add')
m.scatter(z.detach(), 0, I([0, 0]), I([5.0, 6.0]), reduce='add'); m.scatter(z, 0, I(1), 3.0)
m.scatter_add(z, 0, I([0, 0, 2]), I([5.0, 6.0, 7.0])); m.scatter_add(z, 0, I([0, 0]), I([5, 6]))
m.scatter_add(z, 0, I([0, 0]), 2.0); z.scatter_add(0, I([0, 0]), I([1.0, 2.0, 3.0]))
m.scatter_add(x, 2, zeros(2, 3, 9), x); m.scatter_add(x, 2, zeros(2, 3, 4), x)
m.scatter_add(x, 0, zeros(5, 3, 4)[:2], x); m.scatter_add(z, 0, I([3]), I([5.0])); x.index_select(1, I([2, 0]))
x.index_select(1, I(2)); x.index_select(1, I([[2]])); x.index_select(1, I([-1])); x.index_select(1, I([2.0]))
s.index_select(0, I([0])); s.index_select(0, I(0)); s.index_select(0, I([0, 0]))
x.index_select(1, B([True, False, True])); x.index_select(1, i32); x.index_select(-1, I([3, 3]))
x.index_select(1, I([3])); m.index_select(input=x, dim=0, index=I([1])); m.index_add(z, 0, I([0, 0]), I([1.0, 2.0]))
m.index_add(z, 0, I([0, 0]), I([1.0, 2.0]), alpha=2); m.index_add(z, 0, I([0, 0]), I([1.0, 2.0, 3.0]))
m.index_add(x[0], 0, I([0, 0]), x[1, :2, :3]); m.index_add(z, 0, I([0, -1]), I([1.0, 2.0]))
m.index_add(z, 0, I([0, 1]), I([1, 2])); m.index_add(z, 0, I([0]), I(1.0)); z.index_add(0, i32, I([1.0, 2.0]))
m.index_add(x, 2, I([3, 3]), x[:, :, :2]); m.index_copy(z, 0, I([0, 2]), I([1.0, 2.0]))
m.index_copy(z, 0, I([0, -1]), I([1.0, 2.0])); m.index_copy(x, 1, I([2]), x[:, :1])
m.index_copy(x, 1, I([2]), x[:, :2]); m.index_fill(z, 0, I([0, 2]), 7.0); m.index_fill(z, 0, I([0, -1]), 7.0)
m.index_fill(z, 0, I([0, 2]), I(7.0)); m.index_fill(z, 0, I([0, 2]), I([7.0])); m.index_fill(z, 0, I(0), 7)
m.index_fill(xi, 0, I(0), 7.5); m.index_fill(x, 1, I([2, 2]), -1.0); m.index_fill(z, 0, I([3]), 1.0)
m.index_fill(z, 0, I([-4]), 1.0); m.index_fill(z, 1, I([0]), 1.0); m.take(x, I([[0, 23], [-1, 5]])); m.take(x, I([24]))
m.take(x, I([-25])); m.take(x, I(3)); m.take(s, I([0])); m.take(v0, I([0])); m.take(x, I([0.0])); x.take(I([], int))
m.take_along_dim(x, I([[[0]]]), 1); m.take_along_dim(x, I([[[0]]]), dim=-1); m.take_along_dim(x, I([1, 2]))
m.take_along_dim(x, I([[1, 2]])); m.take_along_dim(x, I([1, 2]), 1); m.take_along_dim(x, zeros(2, 1, 4), 1)
m.take_along_dim(x, zeros(3, 1, 4), 1); m.take_along_dim(x, I([[[-1]]]), 1)
m.take_along_dim(x[:1, 0], I([[0], [1], [0]]), 1); m.take_along_dim(x, x.argsort(1), 1); m.masked_fill(x, x > 3, 7)
m.masked_fill(x, x[0] > 3, 7); m.masked_fill(x[0], x > 3, 7); m.masked_fill(xi, x > 3, 7.5)
m.masked_fill(xi, x > 3, I(7.5)); m.masked_fill(x, x > 3, I([7.5])); m.masked_fill(x, x > 3, I(7.5))
m.masked_fill(x, x, 1.0); m.masked_fill(x, B(True), 1.0); m.masked_fill(x, B([True, False]), 1.0)
m.masked_fill(x, xi, 1.0); m.masked_fill(x > 2, x > 3, 1); m.masked_fill(x > 2, x > 3, 2.5)
x.masked_fill(x > 3, -float('inf')); x.masked_fill(mask=x > 3, value=float('nan')); m.masked_fill(x, x > 3, s)
m.masked_fill(x, x > 3, s.detach()); m.masked_select(x, x > 20); m.masked_select(x[0], x > 20)
m.masked_select(x, x[0] > 10); m.masked_select(s, B(True)); m.masked_select(x, x); m.masked_select(x, B([True]))
x.masked_select(x > 99); m.masked_scatter(x, x > 20, I([1.0, 2.0, 3.0])); m.masked_scatter(x, x > 20, I([1.0, 2.0]))
m.masked_scatter(x, x > 20, x[1]); m.masked_scatter(x, x > 20, xi); m.masked_scatter(x[0], x[0] > 9, x); m.nonzero(x)
m.nonzero(s); m.nonzero(I(0.0)); m.nonzero(x[0], as_tuple=True); m.nonzero(s, as_tuple=True); m.argwhere(x[0])
m.argwhere(s); m.nonzero(x > 20); x.nonzero(); x.argwhere(); m.index_put(x, (I([0, 1]), I([1, 2])), I(5.0))
m.index_put(x, (I([0, 0]), I([1, 1])), I([1.0, 1.0, 1.0, 1.0]), accumulate=True)
m.index_put(x, (I([0, 0]), I([1, 1])), 5.0); m.index_put(x, [I([0, 1])], I([5.0])); m.index_put(x, (x > 3,), I(5.0))
m.index_put(x, (I([0, 1]),), I(5)); m.index_put(x, (I([0, 5]),), I(5.0)); m.index_put(x, I([0]), I(5.0))
x.index_put((I([0, 1]),), x[:1]); m.index_put(x, (I([0]),), x[:2]); m.index_put(x, (x > 3,), x.flatten()[:20], True)
x.index_put((I([-1, 0]), I([[0], [2]])), x[0, 0], accumulate=True); F.one_hot(I([0, 2])); F.one_hot(I([0, 2]), 5)
F.one_hot(I([0, 2]), 2); F.one_hot(I([0, -1])); F.one_hot(I(2)); F.one_hot(zeros(0)); F.one_hot(zeros(0), 3)
F.one_hot(zeros(0), 0); F.one_hot(I([1.0])); F.one_hot(i32); F.one_hot(I([0]), 0)
F.one_hot(I([[0, 1]]), num_classes=3); F.one_hot(I([0, 2]), -2); F.embedding(I([0, 2]), x[0])
F.embedding(I([[0, 2]]), x[0], padding_idx=-1); F.embedding(I([0, 2, 2]), x[0], 2)
F.embedding(I([0, 2]), x[0], padding_idx=3); F.embedding(I([0, 2]), x[0], padding_idx=-4)
F.embedding(I([0, -1]), x[0]); F.embedding(I([0, 3]), x[0]); F.embedding(I(1), x[0]); F.embedding(I([0]), x)
F.embedding(I([0]), f32); F.embedding(I([0.0]), x[0]); F.embedding(i32, x[0]); F.embedding(zeros(2, 0), x[0])
m.searchsorted(f32, x[0]); m.searchsorted(f32, 1.0, right=True); m.searchsorted(f32, x, side='right', out_int32=True)
m.searchsorted(x[0], x[0, :, :1]); m.searchsorted(x[0], f32)
m.searchsorted(f32.flip(0), I([2.0]), sorter=I([2, 1, 0])); m.searchsorted(f32, I([2.0]), side='left', right=True)
m.searchsorted(f32, I([2.0]), side='mid'); m.searchsorted(I([1.0, float('nan')]), I([float('nan')]))
m.bucketize(x, f32); m.bucketize(x, f32, right=True); m.bucketize(2.0, f32); m.bucketize(x, x)
m.bucketize(f32, f32, out_int32=True); m.scatter_reduce(z, 0, I([0, 0, 1]), I([5.0, 6.0, 7.0]), reduce="sum")
m.scatter_reduce(z, 0, I([0, 0, 1]), z + 2, "sum", include_self=False)
m.scatter_reduce(z, 0, I([0, 0, 1]), I([5.0, 6.0, 7.0]), reduce="mean")
m.scatter_reduce(z, 0, I([0, 0, 1]), z + 2, "mean", include_self=False)
m.scatter_reduce(z, 0, I([0, 0, 1]), I([5.0, 6.0, 7.0]), reduce="prod")
m.scatter_reduce(z, 0, I([0, 0, 1]), z + 2, "prod", include_self=False)
m.scatter_reduce(z, 0, I([0, 0, 1]), I([5.0, 6.0, 7.0]), reduce="amax")
m.scatter_reduce(z, 0, I([0, 0, 1]), z + 2, "amax", include_self=False)
m.scatter_reduce(z, 0, I([0, 0, 1]), I([5.0, 6.0, 7.0]), reduce="amin")
m.scatter_reduce(z, 0, I([0, 0, 1]), z + 2, "amin", include_self=False)
m.scatter_reduce(xi[0], 0, zeros(3, 4), xi[1], 'mean')
m.scatter_reduce(xi[0], 0, zeros(3, 4), xi[1], 'amax', include_self=False)
m.scatter_reduce(z, 0, I([0]), I([1.0]), 'median'); m.scatter_reduce(z, 0, I([0, 0]), I([0.5, 0.5]), 'amax')
m.scatter_reduce(z.detach(), 0, I([0, 0]), I([0.5, float('nan')]), 'amin')
m.scatter_reduce(x, 1, zeros(2, 3, 4), x * x, 'prod'); m.scatter_reduce(s, 0, I(0), s, 'mean')
"""


def expressions(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split(";")]


def names(library: Any) -> dict[str, Any]:
    """What an expression may use, in one of the libraries; `x`, `s`, `e`, `one` and `f32` want gradients."""
    ours = library is minidl

    def floats(array: Any, dtype: Any = np.float64) -> Any:
        return library.tensor(np.array(array, dtype), requires_grad=True)

    def integers(array: Any, dtype: Any = None) -> Any:
        return library.tensor(np.array(array, dtype))

    return {
        "m": library,
        "F": library.nn.functional,
        "np": np,
        "x": floats(np.arange(24.0).reshape(2, 3, 4)),
        "s": floats(3.0),
        "e": floats(np.zeros((0, 3))),
        "one": floats(np.arange(3.0).reshape(1, 3, 1)),
        "f32": floats([1.0, 3.0, 5.0], np.float32),
        "v0": floats([]),
        "z": floats([0.5, 1.5, 2.5]),
        "xi": integers(np.arange(24).reshape(2, 3, 4)),
        "i32": integers([1, 0], np.int32),
        "i16": integers([1, 0], np.int16),
        "I": integers,
        "B": integers,
        "zeros": lambda *shape: integers(np.zeros(shape, np.int64)),
        "ours": ours,
    }


def evaluate(expression: str, library: Any) -> tuple[Any, dict[str, Any]]:
    scope = names(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyTorch warns about is still what it does
        return eval(expression, scope), scope


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def compare(expression: str) -> None:
    try:
        theirs, scope = evaluate(expression, torch)
    except Exception:
        with pytest.raises(MinidlError) as raised:
            evaluate(expression, minidl)
        assert len(str(raised.value)) > 15
        return
    ours, own = evaluate(expression, minidl)
    assert isinstance(theirs, tuple | list) == isinstance(ours, tuple)
    assert len(parts(theirs)) == len(parts(ours))
    gradients = []
    for a, b in zip(parts(ours), parts(theirs), strict=True):
        assert isinstance(a, minidl.Tensor)
        assert a.shape == tuple(b.shape)
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(a.data, b.detach().numpy())
        assert a.requires_grad == b.requires_grad
        gradients += [(a, b)] if b.requires_grad else []
    if gradients:
        compare_gradients(gradients, own, scope)


def compare_gradients(gradients: list[tuple[Any, Any]], own: dict[str, Any], scope: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    leaves = [n for n, t in scope.items() if torch.is_tensor(t) and t.requires_grad]
    upstream = [rng.standard_normal(a.shape) for a, _ in gradients]
    found = minidl.grad(
        [a for a, _ in gradients],
        [own[n] for n in leaves],
        [minidl.tensor(g.astype(a.dtype)) for g, (a, _) in zip(upstream, gradients, strict=True)],
        allow_unused=True,
    )
    wanted = torch.autograd.grad(
        [b for _, b in gradients],
        [scope[n] for n in leaves],
        [torch.tensor(g).to(b.dtype) for g, (_, b) in zip(upstream, gradients, strict=True)],
        allow_unused=True,
    )
    for name, a, b in zip(leaves, found, wanted, strict=True):
        zero = np.zeros(own[name].shape)
        ours = zero if a is None else a.data
        theirs = zero if b is None else b.numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("expression", expressions(INDEXES))
def test_indexing(expression: str) -> None:
    compare(expression)


@pytest.mark.parametrize("expression", expressions(SHAPES) + expressions(PADS))
def test_shapes(expression: str) -> None:
    compare(expression)


@pytest.mark.parametrize("expression", expressions(PICKS))
def test_picking(expression: str) -> None:
    compare(expression)


VALUES = [
    "7.0",
    "2",
    "V(3.0)",
    "V([[[9.0]]])",
    "V([[5.0], [6.0]])",
    "V([1.0, 2.0])",
    "V([1.0, 2.0, 3.0, 4.0])",
    "V([[1.0, 2.0, 3.0]])",
]


@pytest.mark.parametrize("value", VALUES)
def test_assignment(value: str) -> None:
    """x[index] = value for every index: the new x, what is refused, and the gradients of x and of the value."""
    compared = 0
    for expression in expressions(INDEXES):
        name, _, inside = expression.partition("[")
        if name != "xi":
            compared += compare_assignment(name, f"_index[{inside}", value)
    assert compared >= 10


class _Index:
    def __getitem__(self, index: Any) -> Any:
        return index


def compare_assignment(name: str, index: str, value: str) -> bool:
    """Whether there is a result to compare."""
    both = []
    for library in (torch, minidl):
        scope = names(library)
        scope["_index"] = _Index()
        scope["V"] = lambda array, library=library: library.tensor(np.array(array), requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            both.append((scope[name], eval(index, scope), eval(value, scope)))
    (x, i, v), (own, own_i, own_v) = both
    if index in ("_index[False]", "_index[B(False)]"):  # PyTorch takes any value there, since nothing is written
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = x.clone()
            y[i] = v
    except Exception:
        with pytest.raises(MinidlError):
            set_item(own, own_i, own_v)
        return False
    z = set_item(own, own_i, own_v)
    np.testing.assert_array_equal(z.data, y.detach().numpy(), err_msg=index)
    leaves = [k for k, t in enumerate((x, v)) if torch.is_tensor(t)]
    g = np.random.default_rng(0).standard_normal(z.shape)
    repeated = any(word in index for word in ("[1, 1, 0]", "[3, 0, 3]", "[0, 1, 1]", "[[0, 1], [1, 0]]"))
    wanted = torch.autograd.grad(y, [(x, v)[k] for k in leaves], torch.tensor(g))
    found = minidl.grad(z, [(own, own_v)[k] for k in leaves], minidl.tensor(g))
    for k, a, b in zip(leaves, found, wanted, strict=True):
        if k == 0 or not repeated:  # where a place is written twice PyTorch's gradient of the value counts both
            np.testing.assert_allclose(a.data, b.numpy(), err_msg=index)
    return True


def test_the_last_write_gets_the_gradient() -> None:
    x, v = minidl.zeros(3), minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (g,) = minidl.grad(set_item(x, [0, 0, 2], v).sum(), [v])
    assert g.tolist() == [0, 1, 1]
    (g,) = minidl.grad(minidl.scatter(x, 0, minidl.tensor([0, 0, 2]), v).sum(), [v])
    assert g.tolist() == [0, 1, 1]


VIEWS = """
x.reshape(6, 4); x.view(24); x.permute(2, 0, 1); x.transpose(0, 1); x.squeeze(); x[None]; x[0]; x[:, 1:]; x[..., ::2]
x.unfold(2, 2, 1); x.expand(2, 3, 4); x.diagonal(); x.split(1)[0]; x.chunk(2)[1]; x.unbind(1)[2]; x.narrow(2, 1, 2)
x.select(0, 1); x.flatten(); x.ravel(); x.unflatten(2, (2, 2)); x.movedim(0, 1); x.swapaxes(0, 1); m.atleast_3d(x[0])
x.tensor_split(2)[0]; m.meshgrid(x[0, 0], x[0, 0], indexing='ij')[0]; x[0].t(); x.mT; x.view_as(x); x.unsqueeze(0)
x.flip(0); x.repeat(1, 1, 1); x.tile(1); x.roll(1); m.rot90(x, 4); x[[0, 1]]; x[x > -1]; F.pad(x, (0, 0))
F.pad(x, (-1, 0)); F.pad(x, (0, 0), 'reflect'); m.diag(x[0]); F.unfold(x, 1); m.cat([x]); m.stack([x]); x.tril(9)
x.index_select(0, I([0, 1])); x[0, 0, :1].repeat(2); x.repeat_interleave(1, 0); x.masked_fill(x < 0, 1.0)
x.take(I([0])); x.gather(0, zeros(2, 3, 4)); m.diagflat(x); m.hstack([x]); x.scatter(0, zeros(0), 1.0)
s.index_select(0, I(0)); x.type_as(x)
"""


@pytest.mark.parametrize("expression", expressions(VIEWS))
def test_what_shares_memory(expression: str) -> None:
    """A result is a view exactly where PyTorch's is."""
    ours, own = evaluate(expression, minidl)
    theirs, scope = evaluate(expression, torch)
    name = "s" if expression.startswith("s") or "(s" in expression else "x"
    shared = theirs.untyped_storage().data_ptr() == scope[name].untyped_storage().data_ptr()
    assert np.may_share_memory(ours.data, own[name].data) == shared
    if shared:
        assert ours._changes is own[name]._changes


DTYPES = ["I(2.5)", "I([2.5])", "I([2])", "I(2)", "2.5", "2", "I(np.float32(1.5))", "I(np.array([True]))"]


@pytest.mark.parametrize("index", ["[0, 1]", "B([True, True, False])", "slice(0, 2)", "1"])
@pytest.mark.parametrize("value", DTYPES)
@pytest.mark.parametrize("into", ["I([1, 2, 3])", "z.detach()", "f32.detach()", "I([True, False, True])"])
def test_assignment_between_dtypes(into: str, value: str, index: str) -> None:
    scope = names(torch)
    x, i, v = (eval(text, scope) for text in (into, index, value))
    own, own_i, own_v = (eval(text, names(minidl)) for text in (into, index, value))
    try:
        x[i] = v
    except RuntimeError:
        with pytest.raises(MinidlError):
            set_item(own, own_i, own_v)
        return
    out = set_item(own, own_i, own_v)
    assert out.dtype == own.dtype
    np.testing.assert_array_equal(out.data, x.numpy())
