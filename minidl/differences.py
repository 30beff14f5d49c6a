"""Where minidl does something else than PyTorch, and why. There is no other intended difference; the tests hold each of these.

`minidl ops --differences` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One permitted difference.

    Attributes:
        name: a short name, by which the tests know it.
        here: what minidl does.
        there: what PyTorch does.
        reason: why.
    """

    name: str
    here: str
    there: str
    reason: str


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "data is an array",
        "x.data is the NumPy array",
        "x.data is a tensor without history",
        "the numbers themselves are what a reader wants to see; x.detach() is the tensor",
    ),
    Difference(
        "the graph survives backward",
        "backward() and grad() keep the graph unless retain_graph=False",
        "they free it unless retain_graph=True",
        "drawing and stepping through a graph after backward() is what minidl is for",
    ),
    Difference(
        "scalars",
        "minidl.scalar(2.0) is a double that gives way to any tensor's dtype, as a plain number does",
        "there is no such thing",
        "a circuit's numbers should be exact to print and should not change a network's dtype",
    ),
    Difference(
        "accumulating makes a new tensor",
        "backward() replaces x.grad by the sum of the old and the new gradient",
        "it adds to the memory of x.grad",
        "whoever kept the earlier gradient still has it",
    ),
    Difference(
        "no gradient from nothing",
        "an upstream gradient of 0 sends 0 through an elementwise operation, also where its slope is infinite or undefined",
        "0·∞ and 0·NaN are NaN",
        "a branch that was not taken must not leak: where(x > 0, sqrt(x), 0) has a gradient of 0 at x = 0",
    ),
    Difference(
        "slopes at the origin and at infinity",
        "hypot and norm at 0, xlogy at 0 and softsign at ∞ have finite slopes and second derivatives: 0, or the limit",
        "some are NaN, from 0/0 or ∞/∞",
        "the limit exists or 0 is a subgradient, and NaN would spoil every other gradient",
    ),
    Difference(
        "extrema of NaN",
        "amax and amin give the gradient to the NaN that they return",
        "they give NaN to every element",
        "the result does not depend on the others",
    ),
    Difference(
        "products with infinities",
        "prod and cumprod multiply the other factors",
        "they divide the product by the factor, and ∞/∞ is NaN",
        "the derivative of a product is the product of the others",
    ),
    Difference(
        "ties keep their order",
        "sort, topk, kthvalue, median and mode take equal elements in their order",
        "which of equal elements comes first depends on the size and is not documented",
        "the same input gives the same figure",
    ),
    Difference(
        "repeated positions",
        "where x[i] = v, scatter or max_unpool write one place twice, the gradient goes to the value that stayed",
        "it goes to every value written; its documentation calls that undefined",
        "the others have no influence",
    ),
    Difference(
        "random numbers",
        "seeded by minidl.manual_seed, from NumPy's PCG64",
        "other sequences",
        "the same distributions; bitwise equality with another library's generator serves nobody",
    ),
    Difference(
        "whole numbers become floats",
        "gelu, elu, hypot, lerp and others take whole numbers and bools and compute in the default float",
        "they refuse them",
        "as exp and sin do in both libraries",
    ),
    Difference(
        "mixed dtypes promote",
        "products, solve, convolution and losses promote inputs of different dtypes as + does",
        "they refuse them",
        "one rule for all operations",
    ),
    Difference(
        "convolution of whole numbers",
        "refused, as is float16",
        "computed",
        "kernels exist for float32 and float64; convert first",
    ),
    Difference(
        "whole numbers to negative powers",
        "tensors of whole numbers to negative whole powers are refused",
        "2 ** tensor(-1) is 0",
        "the answer is a fraction",
    ),
    Difference(
        "comparing with numbers out of range",
        "uint8 < 300 compares the numbers",
        "300 wraps around to 44 first, or the comparison is refused",
        "the comparison has a true answer",
    ),
    Difference(
        "losses refuse to broadcast",
        "mse_loss, l1_loss, smooth_l1_loss, huber_loss and binary_cross_entropy refuse inputs of different shapes",
        "they warn and broadcast",
        "(N,) against (N, 1) averages N² wrong pairs, the commonest silent mistake in regression",
    ),
    Difference(
        "dropout of whole channels",
        "dropout2d and dropout3d refuse inputs that are not images or volumes",
        "they warn and guess",
        "a guess would drop other things than channels",
    ),
    Difference(
        "masks and is_causal together",
        "scaled_dot_product_attention refuses attn_mask with is_causal=True",
        "documented as an error, yet combined on some paths",
        "as documented",
    ),
    Difference(
        "views of changed values",
        "with history, an in-place change of a value of which another view is alive is an error: clone first",
        "the view's history follows",
        "a node is a record of one value; nothing is silently wrong",
    ),
    Difference(
        "in place on an operand",
        "y *= y keeps a copy of the operand and differentiates",
        "refused in backward",
        "the right gradient is known",
    ),
    Difference(
        "anomalies",
        "detect_anomaly also notices infinities and writes through .data[i] or .numpy()",
        "it notices NaN",
        "both are how NaN begins",
    ),
    Difference(
        "checkpoint replays its record",
        "random draws inside are part of the record; use_reentrant=False only",
        "it runs the function again and restores the random state",
        "the recomputed values are the same bits",
    ),
    Difference(
        "view copies where it must",
        "x.view(…) copies where the strides allow no view",
        "refused",
        "memory order is the kernels' own business here; writes are noticed anyway",
    ),
    Difference(
        "empty is zeros",
        "empty, empty_like and new_empty hold zeros",
        "they hold whatever was in memory",
        "lessons print the same each time",
    ),
    Difference(
        "more can be differentiated",
        "gradients also reach the targets of soft_margin_loss, the weights of binary_cross_entropy, a larger src of scatter, "
        "qr with mode='complete' and the extra vectors of svd",
        "not implemented",
        "they follow from the rules",
    ),
    Difference(
        "windows without a pixel",
        "max pooling gives −∞ with index −1 and no gradient where a dilated window holds no pixel",
        "an index outside the window",
        "there is no such pixel",
    ),
    Difference(
        "determinants of singular matrices",
        "det has its true gradient, the cofactors, to second order",
        "0 or rounding noise in some precisions",
        "it is a polynomial",
    ),
    Difference(
        "ways to compute an optimizer's step",
        "fused= chooses compiled kernels or plain NumPy, which give the same bits; there is no foreach=, capturable= or "
        "differentiable=",
        "four switches choose among implementations that differ by rounding",
        "one rule to read and one to run fast",
    ),
    Difference(
        "groups of parameters",
        "Adagrad begins each group at the group's own initial_accumulator_value; a parameter given twice is refused",
        "it begins all at the constructor's; a parameter given twice in one group is a warning",
        "an option that is given acts",
    ),
    Difference(
        "schedules that begin later",
        "SequentialLR and ChainedScheduler may stand in one another, and a schedule made with last_epoch= takes each turn "
        "once; LinearLR over 0 epochs is at its end",
        "inner ones begin a step late or fail at their milestone; StepLR, MultiStepLR and ConstantLR made at a turn take it "
        "twice; LinearLR over 0 epochs stays at its start",
        "the rates are those that the parts describe",
    ),
    Difference(
        "classes that cannot be",
        "kl_div and cross_entropy with distributions count 0·(−∞) as 0; in binary_cross_entropy_with_logits a certain mistake, "
        "x = −∞ for t = 1, costs ∞",
        "NaN",
        "p ln p is 0 at p = 0, so a class without probability costs nothing; and ∞ is the limit",
    ),
    Difference(
        "not offered",
        "out=, inplace=True, size_average=, reduce=, max_norm=, scale_grad_by_freq=, antialias=True, sparse and quantized "
        "tensors, complex gradients",
        "offered",
        "they hide what is computed, are deprecated, or lie outside a course",
    ),
)
"""Every permitted difference."""
