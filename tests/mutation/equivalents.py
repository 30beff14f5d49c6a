"""Mutants that compute the same as the original, each with the reason; the run fails on a survivor that is not here.

It fails as well on an entry that a test notices, or that is no mutant any more.
"""

# ruff: noqa: E501  (a mutant's name is as long as the expression)

from __future__ import annotations

REASONS: dict[str, tuple[str, ...]] = {
    "the same numbers in the shape that they have: skipping the call only saves time": (
        "kinds.sum_to: x if shape_of(x) == shape else sum_to_(x, shape=shape) → sum_to_(x, shape=shape)",
        "kinds.expand_to: x if shape_of(x) == shape else expand_(x, shape=shape) → expand_(x, shape=shape)",
        "axes.add_up: total if keepdim else reshape(total, reduced_shape(shape, dim, keepdim)) → reshape(total, reduced_shape(shape, dim, keepdim))",
        "axes.restore: g if shape_of(g) == kept else reshape(g, kept) → reshape(g, kept)",
        "decomposition.apart: piece if len(shape) == 1 else reshape_(piece, shape=(*lead, *shape)) → reshape_(piece, shape=(*lead, *shape))",
        "indexing._value_gradient: getitem_(g, index=index.basic) if index.basic else g → getitem_(g, index=index.basic)",
        "indexing._value_gradient: if index.chosen → True",
    ),
    "an input that wants no gradient gets one that nobody reads: skipping it only saves time": (
        "kinds.Multilinear.vjp: sum_to(self.transposes[i](g, *inputs, **params), shape_of(inputs[i])) if need else None → sum_to(self.transposes[i](g, *inputs, **params), shape_of(inputs[i]))",
        "indexing._value_gradient: if not hasattr(value, 'shape') → False",
    ),
    "a sign is its own reciprocal where it is not 0, and beyond δ > 0 it is not": (
        "loss: huber.partials[0]: delta * sign(x) → delta / sign(x)",
    ),
    "multiplying by 1 or −1 instead of taking g or −g: the same numbers, slower": (
        "kinds.times: if partial == 1 → False",
        "kinds.times: if partial == -1 → False",
        "kinds.times: -1 → 1",
    ),
    "an array and a NumPy scalar have the same dtype attribute": (
        "kinds.Linear.jvp: np.asarray(data_of(out)) → data_of(out)",
    ),
    "gradients are brought to their tensor's dtype after every rule, so a wider intermediate is only narrowed later": (
        "elements: to.transpose: cast(g, x.dtype) → g",
        "scatter_reduce._winners: cast(equal(x, y), y.dtype) → equal(x, y)",
        "decomposition.over_gaps: np.eye(n, dtype=x.dtype) → np.eye(n)",
        "arithmetic.real: cast(x, float64) if getattr(x, 'dtype', np.dtype(float)).kind in 'bui' else x → cast(x, float64)",
    ),
    "pow and xlogy hand their primitives floats already, and division by a rule always divides floats": (
        "arithmetic: pow.partials[1]: real(x) → x",
        "arithmetic: div_or_zero.partials[0]: real(y) → y",
    ),
    "at x = 0 the other branch is x, which is 0 too": (
        "activation: prelu.partials[1]: greater(x, 0) → greater_equal(x, 0)",
    ),
    "exp(−relu(−x)/α) is 1 for all x ≥ 0, as is the other branch": (
        "activation_smooth: celu.partials[0]: less_equal(x, 0) → less(x, 0)",
        "activation_smooth: celu.partials[0]: 0 → 1",
    ),
    "backwards, the first multiplier of the recurrence meets nothing that comes before it": (
        "cumulative: logcumsumexp.rule: -np.inf → np.inf",
    ),
    "the multiplier beyond the end meets a carried gradient of 0": ("cumulative._next: 0.0 → 1.0",),
    "x has one axis, g none: (1,)·(k,) and ()·(k,) are the same k numbers": (
        "linalg._left: unsqueeze(g, -1) * y if x.ndim > 1 else g * y → unsqueeze(g, -1) * y",
        "linalg._left: x.ndim > 1 → x.ndim >= 1",
    ),
    "of one axis, −1 and 1 are the place behind it": ("linalg._right: -1 → 1 #1",),
    "the sum over the leading axes is taken by sum_to after every rule, as for any broadcast": (
        "linalg._right: sum_of(unsqueeze(g, -1) * x, tuple(range(x.ndim - 1))) → unsqueeze(g, -1) * x",
    ),
    "a symmetric matrix is its own transpose": (
        "decomposition._eigh_vjp: w.mT → w",
        "decomposition._cholesky_vjp: solve_(l.mT, middle.mT).mT → solve_(l.mT, middle.mT)",
        "decomposition._cholesky_jvp: solve_(l, half.mT).mT → solve_(l, half.mT)",
    ),
    "a square matrix has as many rows as columns": (
        "decomposition.over_gaps: 1 → 2 #1",
        "decomposition._eigh_shapes: 1 → 2",
        "decomposition._half_lower: 1 → 2",
        "decomposition._qr_jvp: 1 → 2 #4",
    ),
    "the triangle's mask may have the batch's axes or leave them to broadcasting": ("decomposition._qr_jvp: 2 → 3 #1",),
    "on the diagonal any number but 0 will do: what is divided by it is 0": (
        "decomposition.over_gaps: gaps + np.eye(n, dtype=x.dtype) → gaps - np.eye(n, dtype=x.dtype)",
    ),
    "without further columns the rest is a matrix of no columns, which adds 0 or is joined on without effect": (
        "decomposition._qr_vjp: if complete → True",
        "decomposition._qr_jvp: if complete → True",
        "svd._svd_vjp: if full_matrices and m > n → True",
        "svd._svd_vjp: full_matrices and m > n → full_matrices or m > n",
        "svd._svd_vjp: full_matrices and m > n → m > n",
        "svd._svd_vjp: full_matrices and m > n → full_matrices",
        "svd._svd_vjp: if full_matrices and n > m → True",
        "svd._svd_vjp: full_matrices and n > m → full_matrices or n > m",
        "svd._svd_vjp: full_matrices and n > m → n > m",
        "svd._svd_vjp: full_matrices and n > m → full_matrices",
        "svd._svd_jvp: if full_matrices and m > n → True",
        "svd._svd_jvp: full_matrices and m > n → full_matrices or m > n",
        "svd._svd_jvp: full_matrices and m > n → m > n",
        "svd._svd_jvp: full_matrices and m > n → full_matrices",
        "svd._svd_jvp: if full_matrices and n > m → True",
        "svd._svd_jvp: full_matrices and n > m → full_matrices or n > m",
        "svd._svd_jvp: full_matrices and n > m → n > m",
        "svd._svd_jvp: full_matrices and n > m → full_matrices",
        "svd._svd_vjp: m > n → m >= n #1",
        "svd._svd_vjp: n > m → n >= m #1",
        "svd._svd_jvp: m > n → m >= n #2",
        "svd._svd_jvp: n > m → n >= m #2",
    ),
    "where U (or V) is square, 1 − U Uᵀ is 0, and so is the term": (
        "svd._svd_vjp: if m > n → True",
        "svd._svd_vjp: m > n → m >= n #2",
        "svd._svd_vjp: if n > m → True",
        "svd._svd_vjp: n > m → n >= m #2",
        "svd._svd_jvp: if m > n → True",
        "svd._svd_jvp: m > n → m >= n #1",
        "svd._svd_jvp: if n > m → True",
        "svd._svd_jvp: n > m → n >= m #1",
    ),
    "all pieces have the same batch axes before their own": (
        "decomposition.together: 0 → 1 #1",
        "decomposition.together: len(shape_of(pieces[0])) - axes → -axes",
    ),
    "it is never called with one piece; joined alone, one piece would stay as it is": (
        "decomposition.together: cat(flat, -1) if len(flat) > 1 else flat[0] → cat(flat, -1)",
        "decomposition.together: len(flat) > 1 → len(flat) >= 1",
        "decomposition.together: 0 → 1 #3",
    ),
    "any names will do that no letter of an equation has": (
        "einsum.ellipsis_names: ord('α') + i → ord('α') - i",
        "einsum.ellipsis_names: ord('α') + i → i",
    ),
    "tr(XY) = tr(YX) for all X and Y": ("determinant._third: bt @ bg → bg @ bt #1",),
    "equality is symmetric, also where NaN counts as equal to NaN": (
        "extrema.share: matches(x, restore(y, x.shape, dim)) → matches(restore(y, x.shape, dim), x)",
    ),
    "for n = correction both give 0": ("statistics._divisor: n > correction → n >= correction",),
    "a mask or a slice writes no place twice, so that every write is kept: factors of 1": (
        "indexing._last_written: if not any((isinstance(c, np.ndarray) and c.dtype != bool for c in chosen)) → False",
        "indexing._last_written: any((isinstance(c, np.ndarray) and c.dtype != bool for c in chosen)) → (isinstance(c, np.ndarray) and c.dtype != bool for c in chosen)",
        "indexing._last_written: isinstance(c, np.ndarray) and c.dtype != bool → isinstance(c, np.ndarray)",
        "indexing._last_written: None if kept.all() else kept.reshape(places.shape) → kept.reshape(places.shape)",
    ),
    "an empty run copies nothing either way": (
        "kernels.cpu.windows.gather_windows: if first < last → True",
        "kernels.cpu.windows.gather_windows: first < last → first <= last",
        "kernels.cpu.windows.spread_windows: if first < last → True",
        "kernels.cpu.windows.spread_windows: first < last → first <= last",
    ),
    "one block more, of no lines": (
        "kernels.cpu.windows.convolve: lines + block - 1 → lines + block",
        "kernels.cpu.windows.convolve_weight: lines + block - 1 → lines + block",
    ),
    "blocks that overlap compute some lines twice, and write the same numbers": (
        "kernels.cpu.windows.convolve: b * block → b",
        "kernels.cpu.windows.convolve: min(lines, (b + 1) * block) → lines",
        "kernels.cpu.windows.convolve: 1 → 2 #2",
    ),
    "how many images a task takes changes who computes, not what; tasks beyond the last image have nothing to do": (
        "kernels.cpu.windows.convolve_input: max(1, block // each) → 1",
        "kernels.cpu.windows.convolve_input: 1 → 2 #2",
        "kernels.cpu.windows.convolve_input: block // each → block * each",
        "kernels.cpu.windows.convolve_input: block // each → block",
        "kernels.cpu.windows.convolve_input: block // each → each",
        "kernels.cpu.windows.convolve_input: (n + images - 1) // images → (n + images - 1) * images",
        "kernels.cpu.windows.convolve_input: (n + images - 1) // images → n + images - 1",
        "kernels.cpu.windows.convolve_input: n + images - 1 → n + images + 1",
        "kernels.cpu.windows.convolve_input: n + images - 1 → n + images",
    ),
    "a row that has pixels is overwritten by the first of them, so that clearing it first changes nothing": (
        "kernels.cpu.windows.weighted_sums: if start[i] == start[i + 1] → True",
        "kernels.cpu.windows.weighted_sums: i + 1 → i #1",
    ),
    "portions beyond the last element have nothing to do": (
        "kernels.cpu.updates.sgd_on_threads: (p.size + BLOCK - 1) // BLOCK → p.size + BLOCK - 1",
        "kernels.cpu.updates.sgd_on_threads: (p.size + BLOCK - 1) // BLOCK → BLOCK",
        "kernels.cpu.updates.sgd_on_threads: p.size + BLOCK - 1 → p.size + BLOCK + 1",
        "kernels.cpu.updates.sgd_on_threads: p.size + BLOCK - 1 → p.size + BLOCK",
        "kernels.cpu.updates.adam_on_threads: (p.size + BLOCK - 1) // BLOCK → p.size + BLOCK - 1",
        "kernels.cpu.updates.adam_on_threads: (p.size + BLOCK - 1) // BLOCK → BLOCK",
        "kernels.cpu.updates.adam_on_threads: p.size + BLOCK - 1 → p.size + BLOCK + 1",
        "kernels.cpu.updates.adam_on_threads: p.size + BLOCK - 1 → p.size + BLOCK",
        "kernels.cpu.updates.adagrad_on_threads: (p.size + BLOCK - 1) // BLOCK → p.size + BLOCK - 1",
        "kernels.cpu.updates.adagrad_on_threads: (p.size + BLOCK - 1) // BLOCK → BLOCK",
        "kernels.cpu.updates.adagrad_on_threads: p.size + BLOCK - 1 → p.size + BLOCK + 1",
        "kernels.cpu.updates.adagrad_on_threads: p.size + BLOCK - 1 → p.size + BLOCK",
    ),
    "a factor of 1 changes nothing": (
        "kernels.cpu.updates.adam: if shrink != 1 → True",
        "kernels.cpu.updates.adam: 1 → 2 #2",
    ),
    "of equals either may be kept": ("kernels.cpu.updates.adam: largest[i] > square → largest[i] >= square",),
    "met only while a tape records, which tests/tape holds to define-by-run and this run leaves out": (
        "kinds.General.vjp: if not state.plain and state.tape is not None and (not state.recording) and isinstance(g, Node) → False",
        "kinds.General.vjp: not state.plain and state.tape is not None and (not state.recording) and isinstance(g, Node) → state.tape is not None and (not state.recording) and isinstance(g, Node)",
        "kinds.General.vjp: not state.plain and state.tape is not None and (not state.recording) and isinstance(g, Node) → not state.plain and (not state.recording) and isinstance(g, Node)",
        "kinds.General.vjp: not state.plain and state.tape is not None and (not state.recording) and isinstance(g, Node) → not state.plain and state.tape is not None and isinstance(g, Node)",
        "kinds.General.vjp: not state.plain and state.tape is not None and (not state.recording) and isinstance(g, Node) → not state.plain and state.tape is not None and (not state.recording)",
        "kinds.General.vjp: not state.plain → state.plain",
        "kinds.General.vjp: state.tape is not None → state.tape is None",
        "kinds.General.vjp: not state.recording → state.recording",
        "kinds.General.vjp: state.tape.derivative(self, g, out, inputs, saved, params, needs) → -state.tape.derivative(self, g, out, inputs, saved, params, needs)",
        "kinds.General.vjp: state.tape.derivative(self, g, out, inputs, saved, params, needs) → state.tape.derivative(g, self, out, inputs, saved, params, needs)",
        "kinds.General.vjp: state.tape.derivative(self, g, out, inputs, saved, params, needs) → self",
        "kinds.times: if not state.plain and state.tape is not None → False",
        "kinds.times: not state.plain and state.tape is not None → not state.plain or state.tape is not None",
        "kinds.times: not state.plain and state.tape is not None → state.tape is not None",
        "kinds.times: not state.plain and state.tape is not None → not state.plain",
        "kinds.times: not state.plain → state.plain",
        "kinds.times: state.tape is not None → state.tape is None",
        "kinds.times: registry['mul_or_zero'](g, partial) → -registry['mul_or_zero'](g, partial)",
        "kinds.times: registry['mul_or_zero'](g, partial) → registry['mul_or_zero'](partial, g) #1",
        "kinds.times: registry['mul_or_zero'](g, partial) → g #1",
    ),
    "a quicker way to the same numbers": (
        "kinds.Elementwise.vjp: rule(out, *inputs, **params) if params else rule(out, *inputs) → rule(out, *inputs, **params)",
        "kinds.Elementwise.vjp: product if shape == x.shape else sum_to(product, shape_of(x)) → sum_to(product, shape_of(x))",
        "kinds.times: if partial.__class__ is ndarray and g.__class__ is ndarray and (partial.dtype is g.dtype) → False",
        "kinds.times: partial.__class__ is ndarray and g.__class__ is ndarray and (partial.dtype is g.dtype) → partial.__class__ is ndarray and g.__class__ is ndarray",
        "kinds.times: partial.dtype is g.dtype → partial.dtype is not g.dtype",
        "kinds.times: product if product.ndim == 1 else product.ravel('K') → product.ravel('K')",
        "kinds.times: if squares == squares → False",
    ),
    "a longer slice: only its first two pixels are read": (
        "kernels.cpu.windows.max_pairs: 2 → 3 #5",
        "kernels.cpu.windows.max_pairs: 2 → 3 #6",
        "kernels.cpu.windows.max_pairs: 2 → 3 #9",
        "kernels.cpu.windows.max_pairs: 2 → 3 #10",
    ),
    "a product of arrays has no order": ("kinds.Elementwise.vjp: times(g, rule) → times(rule, g)",),
}
"""Why, and of which mutants it is true."""

EQUIVALENTS = {mutant: reason for reason, mutants in REASONS.items() for mutant in mutants}
"""The reason for each mutant."""
