"""Linear algebra: what the samples beside the definitions cannot show: singular and repeated cases, signatures, messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import gradcheck
from minidl.errors import DtypeError, LinAlgError, MinidlError, ShapeError, UsageError

L = minidl.linalg
RNG = np.random.default_rng(0)
A = RNG.standard_normal((3, 3)) + 2 * np.eye(3)
SPD = A @ A.T + np.eye(3)


def leaf(array: Any) -> minidl.Tensor:
    return minidl.tensor(np.asarray(array, float), requires_grad=True)


def gradient(f: Callable[[Any], Any], x: Any, weights: Any = None) -> Any:
    t = leaf(x)
    out = f(t)
    (g,) = minidl.grad(out, t, None if weights is None else minidl.tensor(weights))
    return g.data


# Singular, repeated, empty ----------------------------------------------------------------------------------------------


def test_the_gradient_of_det_is_the_cofactors_also_of_singular_matrices() -> None:
    np.testing.assert_allclose(gradient(L.det, [[1, 2], [2, 4]]), [[4, -2], [-2, 1]], atol=1e-14)
    rank_two = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    np.testing.assert_allclose(gradient(L.det, rank_two), [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]], atol=1e-12)
    np.testing.assert_allclose(gradient(L.det, np.zeros((3, 3))), np.zeros((3, 3)))


def test_the_second_derivative_of_det_is_right_where_the_matrix_is_singular() -> None:
    """det of [[a, b], [c, d]] is ad − bc: its second derivatives are 1 and −1 wherever."""
    x = leaf([[1, 2], [2, 4]])
    (g,) = minidl.grad(L.det(x), x, create_graph=True)
    for index, wanted in (((0, 0), [[0, 0], [0, 1]]), ((0, 1), [[0, 0], [-1, 0]])):
        np.testing.assert_allclose(minidl.grad(g[index], x)[0].data, wanted, atol=1e-13)
    zero = leaf(np.zeros((3, 3)))
    (g,) = minidl.grad(L.det(zero), zero, create_graph=True)
    np.testing.assert_allclose(minidl.grad(g.sum(), zero)[0].data, np.zeros((3, 3)), atol=1e-14)


def test_a_matrix_that_is_not_finite_spoils_its_own_gradient_alone() -> None:
    g = gradient(lambda x: L.det(x).sum(), np.stack([np.eye(2), np.full((2, 2), np.nan)]))
    np.testing.assert_array_equal(g, np.stack([np.eye(2), np.full((2, 2), np.nan)]))


def test_the_third_derivative_of_det() -> None:
    """det of diag(a, b, c) is abc: ∂³/∂a∂b∂c = 1."""
    x = leaf(np.diag([1.0, 2.0, 3.0]))
    (g,) = minidl.grad(L.det(x), x, create_graph=True)
    (h,) = minidl.grad(g[0, 0], x, create_graph=True)
    (k,) = minidl.grad(h[1, 1], x)
    np.testing.assert_allclose(k.data, np.diag([0.0, 0, 1]), atol=1e-12)


def test_slogdet_of_a_singular_matrix() -> None:
    x = leaf([[1, 2], [2, 4]])
    sign, logarithm = L.slogdet(x)
    assert sign.item() == 0
    assert logarithm.item() == -np.inf
    assert np.isinf(minidl.grad(logarithm, x)[0].data).all()
    assert np.isnan(minidl.logdet(leaf(-np.eye(3))).item())
    assert minidl.logdet(leaf(np.zeros((2, 2)))).item() == -np.inf


@pytest.mark.parametrize("f", [L.eigvalsh, L.svdvals, lambda x: L.eigh(x)[0], lambda x: L.svd(x)[1]])
def test_equal_eigenvalues_have_a_finite_sum(f: Any) -> None:
    np.testing.assert_allclose(gradient(lambda x: f(x).sum(), np.eye(3)), np.eye(3), atol=1e-14)


@pytest.mark.parametrize("f", [lambda x: L.eigh(x)[1], lambda x: L.svd(x)[0]])
def test_vectors_of_equal_eigenvalues_have_no_gradient(f: Any) -> None:
    weights = np.arange(9.0).reshape(3, 3)
    assert not np.isfinite(gradient(f, np.eye(3), weights)).all()


@pytest.mark.parametrize(
    ("f", "shape"),
    [(lambda x: L.svd(x).U, (4, 2)), (lambda x: L.svd(x).Vh.mT, (2, 4)), (lambda x: L.qr(x, "complete").Q, (4, 2))],
)
def test_the_span_of_the_undetermined_vectors_has_a_gradient(f: Any, shape: Any) -> None:
    """The projection on them is 1 − the projection on the others, whatever basis LAPACK chose; to second order too."""

    def projection(x: Any) -> Any:
        rest = f(x)[:, 2:]
        return rest @ rest.T

    x = leaf(RNG.standard_normal(shape))
    gradcheck(projection, [x], atol=1e-7)
    w = minidl.tensor(RNG.standard_normal((4, 4)))

    def slope(y: Any) -> Any:
        z = y if y.requires_grad else y.detach().requires_grad_()
        with minidl.enable_grad():
            return minidl.grad((projection(z) * w).sum(), z, create_graph=True)[0]

    gradcheck(slope, [x], atol=1e-6)


def test_the_gradient_of_a_symmetric_matrix_is_symmetric() -> None:
    for f in (L.cholesky, lambda x: L.eigh(x)[1], L.eigvalsh):
        g = gradient(lambda x, f=f: (f(x) ** 2 * minidl.arange(3.0)).sum(), SPD)
        np.testing.assert_allclose(g, g.T, atol=1e-12)


def test_one_triangle_is_read() -> None:
    lopsided = minidl.tensor([[4.0, 9.0], [2.0, 5.0]])
    np.testing.assert_allclose(L.cholesky(lopsided).data, [[2, 0], [1, 2]])
    np.testing.assert_allclose(L.eigvalsh(lopsided, "U").data, np.linalg.eigvalsh([[4, 9], [9, 5]]), rtol=1e-6)
    np.testing.assert_allclose(L.eigvalsh(lopsided).data, np.linalg.eigvalsh([[4, 2], [2, 5]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (L.inv, [(0, 0)]),
        (L.cholesky, [(0, 0)]),
        (lambda x: L.svd(x), [(0, 0), (0,), (3, 3)]),
        (lambda x: L.svd(x, full_matrices=False), [(0, 0), (0,), (0, 3)]),
        (lambda x: L.qr(x), [(0, 0), (0, 3)]),
        (lambda x: L.qr(x.mT, "complete"), [(3, 3), (3, 0)]),
        (lambda x: L.qr(x.mT, mode="r"), [(0,), (0, 0)]),
        (L.pinv, [(3, 0)]),
        (L.matrix_rank, [()]),
    ],
)
def test_matrices_without_elements(f: Any, shapes: Any) -> None:
    square = f in (L.inv, L.cholesky)
    out = f(minidl.zeros(0, 0 if square else 3))
    assert [x.shape for x in (out if isinstance(out, tuple) else (out,))] == shapes
    assert L.det(minidl.zeros(2, 0, 0)).data.tolist() == [1, 1]


def test_errors_name_the_matrix_of_the_batch() -> None:
    batch = minidl.tensor(np.stack([np.eye(2), np.ones((2, 2))])[None])
    for f, text in ((L.inv, "linalg.inv"), (lambda x: L.solve(x, minidl.ones(2)), "linalg.solve")):
        with pytest.raises(LinAlgError, match=rf"{text}: \(batch element 0, 1\) the matrix is singular"):
            f(batch)
    with pytest.raises(LinAlgError, match=r"\(batch element 1\) the matrix is not positive definite"):
        L.cholesky(minidl.tensor(np.stack([np.eye(2), -np.eye(2)])))
    with pytest.raises(RuntimeError, match="singular"):
        L.inv(minidl.zeros(2, 2))


@pytest.mark.parametrize("f", [L.inv, L.det, L.cholesky, L.eigh, L.svd, L.qr, L.pinv, L.matrix_rank, L.slogdet])
def test_only_matrices_of_floats(f: Any) -> None:
    with pytest.raises(DtypeError, match="float32 or float64, got int64"):
        f(minidl.tensor([[1, 2], [3, 4]]))
    with pytest.raises(DtypeError, match="float16"):
        f(minidl.tensor(np.eye(2, dtype=np.float16)))
    with pytest.raises(ShapeError, match="matrices"):
        f(minidl.ones(2))


def test_an_inverse_power_and_the_zeroth() -> None:
    x = minidl.tensor(A)
    np.testing.assert_allclose(L.matrix_power(x, -3).data, np.linalg.matrix_power(A, -3))
    assert L.matrix_power(minidl.tensor(np.full((2, 2), np.inf)), 0).data.tolist() == [[1, 0], [0, 1]]
    assert L.matrix_power(minidl.tensor([[1, 1], [0, 1]]), 0).dtype == minidl.int64


def test_a_truncated_pseudo_inverse() -> None:
    np.testing.assert_allclose(L.pinv(minidl.tensor(np.diag([4.0, 1.0])), rtol=0.5).data, np.diag([0.25, 0]))
    np.testing.assert_allclose(L.pinv(minidl.tensor(np.diag([4.0, 1.0])), atol=2.0).data, np.diag([0.25, 0]))
    assert L.matrix_rank(minidl.tensor(np.diag([4.0, 1.0])), atol=2.0).item() == 1


def test_condition_numbers() -> None:
    x = minidl.tensor(A)
    for p in (None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"):
        np.testing.assert_allclose(L.cond(x, p).item(), np.linalg.cond(A, p))
    assert L.cond(minidl.zeros(2, 2) + 1, 1).item() == np.inf


# Products ---------------------------------------------------------------------------------------------------------------


def test_integers_multiply_exactly_and_wrap_around() -> None:
    big = minidl.tensor([[2**40]])
    assert (big @ big).dtype == minidl.int64
    small = minidl.full((2, 2), 100, dtype=minidl.uint8)
    assert (small @ (small - 98)).data.tolist() == [[144, 144], [144, 144]]
    for f in (minidl.matmul, minidl.mm, minidl.trace):
        with pytest.raises(DtypeError, match="True and False"):
            f(*[minidl.ones(2, 2) > 0] * (1 if f is minidl.trace else 2))
    assert minidl.trace(minidl.ones(2, 3, dtype=minidl.int32)).dtype == minidl.int64


def test_a_beta_of_zero_drops_the_input() -> None:
    nothing = minidl.full((2, 2), float("nan"))
    one = minidl.ones(2, 2)
    assert minidl.addmm(nothing, one, one, beta=0).data.tolist() == [[2, 2], [2, 2]]
    whole = minidl.ones(2, 2, dtype=minidl.int64)
    assert minidl.addmm(whole, whole, whole, beta=0.5).data.tolist() == [[2, 2], [2, 2]]
    assert one.addmm(one, one, beta=2, alpha=3).data.tolist() == [[8, 8], [8, 8]]


def test_a_loaded_layer_computes_with_linear() -> None:
    linear = minidl.nn.functional.linear
    with pytest.raises(ShapeError, match=r"input \(5, →4←\) must end in the 3 features"):
        linear(minidl.ones(5, 4), minidl.ones(2, 3))
    assert linear(minidl.ones(2, 3), minidl.ones(4, 3), bias=minidl.ones(4)).shape == (2, 4)


def test_the_chain_of_fewest_multiplications() -> None:
    out = L.multi_dot(
        [minidl.tensor(RNG.standard_normal(s), requires_grad=True) for s in ((10, 100), (100, 5), (5, 50))]
    )
    assert [x.shape for x in out.inputs] == [(10, 5), (5, 50)]


# einsum -----------------------------------------------------------------------------------------------------------------


def test_einsum_takes_lists() -> None:
    x, y = minidl.tensor(RNG.standard_normal((3, 4))), minidl.tensor(RNG.standard_normal((4, 5)))
    wanted = x.data @ y.data
    for out in (
        minidl.einsum("ij,jk", [x, y]),
        minidl.einsum(x, [0, 1], y, [1, 2], [0, 2]),
        minidl.einsum(x, [..., 1], y, [1, 2], [..., 2]),
        minidl.einsum("Zj, jA -> Z A", x, y),
    ):
        np.testing.assert_allclose(out.data, wanted)
    assert minidl.einsum("bA", x).shape == (4, 3)  # the implied order is that of the alphabet, capitals first
    assert minidl.einsum("...ij->ij", minidl.ones(2, 3, 4)).data.tolist() == [[2] * 4] * 3


@pytest.mark.parametrize(
    ("equation", "shapes", "error", "text"),
    [
        ("ij->ii", [(3, 3)], UsageError, "i stands twice in the result"),
        ("i...j...", [(3, 3)], UsageError, "may stand once"),
        ("i..j", [(3, 3)], UsageError, "'.' is no subscript"),
        ("ij->i->j", [(3, 3)], UsageError, "no subscript"),
        ("ij", [(3, 3), (3, 3)], UsageError, "1 term for 2 operands"),
        ("...i,...i", [(2, 3), (4, 3)], ShapeError, r"an axis of `\.\.\.` has length 4"),
        ("ijk", [(3, 3)], ShapeError, "3 subscripts for the 2 axes"),
        ("ii", [(1, 3)], ShapeError, "lengths 1 and 3"),
    ],
)
def test_einsum_explains(equation: str, shapes: Any, error: type[MinidlError], text: str) -> None:
    with pytest.raises(error, match=text):
        minidl.einsum(equation, *(minidl.ones(*s) for s in shapes))


def test_einsum_needs_operands() -> None:
    for arguments in ((), ("ij",), (minidl.ones(2),), (minidl.ones(2), [99]), ("ij", [])):
        with pytest.raises(UsageError):
            minidl.einsum(*arguments)


def test_einsum_of_one_tensor_three_times() -> None:
    x = leaf([1.0, 2.0, 3.0])
    cubes = minidl.einsum("i,i,i->", x, x, x)
    assert cubes.item() == 36
    np.testing.assert_allclose(minidl.grad(cubes, x)[0].data, [3, 12, 27])


def test_complex_matrices_are_computed_but_not_differentiated() -> None:
    x = minidl.tensor([[2.0, 1j], [-1j, 2.0]])
    np.testing.assert_allclose(L.eigvalsh(x).data, [1, 3], rtol=1e-6)
    np.testing.assert_allclose((L.cholesky(x) @ L.cholesky(x).mT).data.real, [[2, 0], [0, 1]], atol=1e-6)
    with pytest.raises(DtypeError, match="only real floating-point tensors"):
        L.inv(x.detach().requires_grad_())
    with pytest.raises(DtypeError, match="complex values have no gradients"):
        leaf([1.0]) * 1j


def test_einsum_of_many_operands_keeps_small_results() -> None:
    """A chain of outer products would need 10¹² numbers; contracted pairwise it needs 100."""
    vectors = [minidl.ones(100) for _ in range(6)]
    assert minidl.einsum("a,a,b,b,c,c->", *vectors).item() == 10.0**6


# Against PyTorch --------------------------------------------------------------------------------------------------------


class TestPyTorch:
    pytestmark = pytest.mark.torch

    @pytest.mark.parametrize(
        "equation",
        [
            "ij,jk",
            "bij,bjk->bik",
            "...ij,...kj->...ik",
            "ii->i",
            "iij->j",
            "i,j,k->kji",
            "ab,bc,cd,da->",
            "aab,bcc->ac",
        ],
    )
    def test_einsum(self, equation: str) -> None:
        torch = pytest.importorskip("torch")
        length = dict(zip("abcdijk", (2, 3, 4, 5, 3, 4, 2), strict=True))
        shapes = [[length[c] for c in t.replace("...", "")] for t in equation.split("->")[0].split(",")]
        if "..." in equation:
            shapes = [[5, 1, *shapes[0]], [2, *shapes[1]]]
        arrays = [RNG.standard_normal(s) for s in shapes]
        xs, ts = [leaf(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
        y, t = minidl.einsum(equation, *xs), torch.einsum(equation, *ts)
        np.testing.assert_allclose(y.data, t.detach().numpy(), rtol=1e-12)
        g = RNG.standard_normal(y.shape)
        for a, b in zip(minidl.grad(y, xs, minidl.tensor(g)), torch.autograd.grad(t, ts, torch.tensor(g)), strict=True):
            np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-11, atol=1e-12)

    @pytest.mark.parametrize(
        "name", ["inv", "det", "cholesky", "eigh", "qr", "svd", "pinv", "svdvals", "eigvalsh", "slogdet", "cond"]
    )
    def test_results_have_torchs_names(self, name: str) -> None:
        torch = pytest.importorskip("torch")
        ours, theirs = getattr(L, name)(minidl.tensor(SPD)), getattr(torch.linalg, name)(torch.tensor(SPD))
        fields = [
            f
            for f in ("U", "S", "Vh", "Q", "R", "sign", "logabsdet", "eigenvalues", "eigenvectors")
            if hasattr(theirs, f)
        ]
        if isinstance(theirs, tuple):
            assert fields == list(ours._fields)
            for f in fields:
                np.testing.assert_allclose(
                    abs(getattr(ours, f).data), abs(getattr(theirs, f).numpy()), rtol=1e-9, atol=1e-12
                )
        else:
            np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-10)

    @pytest.mark.parametrize(
        "name", ["det", "inverse", "slogdet", "logdet", "svd", "pinverse", "matrix_power", "trace", "mm"]
    )
    def test_methods(self, name: str) -> None:
        torch = pytest.importorskip("torch")
        arguments = {"matrix_power": (2,), "mm": (SPD,)}.get(name, ())
        ours = getattr(minidl.tensor(SPD), name)(
            *(minidl.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments)
        )
        theirs = getattr(torch.tensor(SPD), name)(
            *(torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments)
        )
        for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (ours, theirs)), strict=True):
            np.testing.assert_allclose(abs(a.data), abs(b.numpy()), rtol=1e-9)

    @pytest.mark.parametrize("p", [1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"])
    def test_condition_numbers(self, p: Any) -> None:
        torch = pytest.importorskip("torch")
        np.testing.assert_allclose(L.cond(minidl.tensor(A), p).item(), torch.linalg.cond(torch.tensor(A), p).item())

    @pytest.mark.parametrize("ord", [1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"])
    @pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 3, 4)])
    def test_matrix_norms(self, ord: Any, shape: Any) -> None:
        torch = pytest.importorskip("torch")
        x = RNG.standard_normal(shape)
        try:
            theirs = torch.linalg.matrix_norm(torch.tensor(x), ord)
        except (RuntimeError, IndexError):
            with pytest.raises(MinidlError):
                L.matrix_norm(minidl.tensor(x), ord)
            return
        np.testing.assert_allclose(L.matrix_norm(minidl.tensor(x), ord).data, theirs.numpy(), rtol=1e-12)
