"""Lesson 4, Activations: what stands between two layers, and how much of a gradient comes back through it."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="between-the-layers",
        code="""
import minidl, numpy as np
from minidl.nn import functional as F
from viz import plots
far, h = 6, 0.2                            # σ(x) is 1 / (1 + exp(-x))
sigma = plots.activation(F.sigmoid, x_range=(-far, far), derivatives=False)
""",
        picture=Picture(
            "sigma", "An S from left to right: flat near zero, steep in the middle, flat near one.", rows=7
        ),
        say=(
            "Between two layers one puts an *activation*: a function that is applied to",
            "each number by itself. This is the sigmoid σ(x), lesson one's soft step.",
            "Its slope at x is the share of upstream that comes back through it.",
        ),
        question=Number(
            ask=("How large is that share at the very best, where σ is steepest?",),
            answer="steepest",
            hints=(
                "It is steepest in the middle. Take two places there: rise over run.",
                "From x = −{h} to x = {h} it climbs from {low:.3f} to {high:.3f}.",
            ),
            mistakes=(
                Mistake("1", "Then it would go from floor to ceiling in one unit. Look how long it takes."),
                Mistake("height", "That is its height in the middle. You want how fast it climbs there."),
                Mistake(
                    "(at(F.sigmoid, far)[0] - at(F.sigmoid, -far)[0]) / 2 / far",
                    "That is from end to end. In the middle it is steeper.",
                ),
                Mistake("(high - low) / (2 * h)", "Nearly: that is rise over run. With a smaller run?"),
            ),
            claim="guess * 2 * h",
            unforeseen="If it were so, from −{h} to {h} it would climb by about {claim:.3f}; it climbs by {rise:.3f}.",
        ),
        then="""
def at(f, place):                         # height and slope at one place
    x = minidl.tensor(np.float64(place), requires_grad=True)
    y = f(x)
    y.backward()
    return y.item(), x.grad.item()
height, steepest = at(F.sigmoid, 0)
low, high = at(F.sigmoid, -h)[0], at(F.sigmoid, h)[0]
rise = high - low
""",
        reveal=("{steepest}, at zero and nowhere else: at best a quarter comes back through it.",),
    ),
    Step(
        name="from-the-output",
        code="""
heights = np.array([0.5, 0.6, 0.8, 0.9])
places = np.log(heights / (1 - heights))          # where σ is that high
slopes = np.array([at(F.sigmoid, place)[1] for place in places])
for k in range(3):
    print(f"σ = {heights[k]:.1f}   slope = {slopes[k]:.2f}")
""",
        say=("One does not even need x: the height tells the slope. See how?",),
        question=Number(
            ask=("What is the slope where σ = {heights[3]}?",),
            answer="slopes[3]",
            hints=(
                "Each slope is a product of two numbers that the height gives.",
                "{heights[2]} · {left[2]} = {slopes[2]:.2f}: the height, and what it lacks to one.",
            ),
            mistakes=(
                Mistake("left[3]", "That is what σ lacks to one: half of the formula."),
                Mistake("heights[3]", "That is the height itself."),
                Mistake("heights[3] ** 2", "The height, squared. At {heights[0]} that fits; try it at {heights[2]}."),
                Mistake("slopes[2] / 2", "Half of the last one. They do not halve: try the first three."),
            ),
            unforeseen="Not that. What is multiplied with {heights[2]} to give {slopes[2]:.2f}? With {heights[1]} to "
            "give {slopes[1]:.2f}?",
        ),
        then="""
left = np.round(1 - heights, 4)
print("σ · (1 − σ) each time:", np.allclose(slopes, heights * left))
""",
        reveal=(
            "The slope is σ times what σ lacks to one. The forward pass has σ",
            "already: the backward pass needs one subtraction and one product.",
        ),
    ),
    Step(
        name="far-out",
        code="""
few, some, many = 4, 40, 400
height, share = at(F.sigmoid, far)
print(f"σ(6) = {height:.4f}")
""",
        picture=Picture(
            "figure",
            "σ and its slope, a hill; on both sides, shaded, the ground where hardly any slope is left.",
            rows=9,
        ),
        say=("A unit that is sure of itself: in training its x has grown to {far}.",),
        question=Choice(
            ask=("Of what arrives from upstream, how much comes back to x?",),
            options=(
                Option("one part in {few}", "1 / share < 2 * few", "So it is in the middle, at its best."),
                Option("one part in {some}", "2 * few < 1 / share < 2 * some", "Less. Multiply it out."),
                Option("one part in {many}", "2 * some < 1 / share", "Yes: next to nothing."),
            ),
            hints=("The height tells the slope.", "{height:.4f} times what it lacks to one."),
        ),
        then="""
figure = plots.activation("sigmoid", x_range=(-8, 8))
print(f"slope at 6: {share:.7f}")
""",
        reveal=(
            "The unit is *saturated*: turn the weights before it, and it hardly moves.",
            "Shaded: less than a twentieth of the steepest slope is left.",
        ),
    ),
    Step(
        name="tanh",
        code="""
middle = at(F.sigmoid, 0)[1], at(F.tanh, 0)[1]
print(f"slope in the middle: σ {middle[0]}, tanh {middle[1]}")
""",
        picture=Picture("pair", "σ and tanh with their slopes: the hill of tanh is higher and narrower.", rows=8),
        say=(
            "*tanh* is an S too, from minus one to one. In its middle everything comes",
            "back through it, and so for years it was preferred.",
        ),
        question=Choice(
            ask=("And far out, at x = {far}? There tanh lets through …",),
            options=(
                Option("more than σ", "ends[1] > ends[0]", "So one would think, being steeper in the middle."),
                Option("as much", "abs(ends[1] / ends[0] - 1) < 0.1", "They look alike out there, but they are not."),
                Option("less than σ", "ends[1] < 0.9 * ends[0]", "Yes: steeper first, so flat sooner."),
            ),
            hints=("Both climb only a little in all: σ by one, tanh by two.", "Who climbs faster is done sooner."),
        ),
        then="""
ends = share, at(F.tanh, far)[1]
print(f"slope at 6: σ {ends[0]:.7f}, tanh {ends[1]:.10f}")
x = np.linspace(-far, far, 121)
twin = 2 * F.sigmoid(2 * x) - 1
print("tanh(x) is 2σ(2x) − 1:", np.allclose(np.tanh(x), twin))
times = round(ends[0] / ends[1])
pair = plots.activation(["sigmoid", "tanh"], x_range=(-8, 8))
""",
        reveal=(
            "{times} times less. tanh *is* σ, twice as high, half as wide, set around",
            "zero: at x it is as far along as σ at twice x. It saturates just the same.",
        ),
    ),
    Step(
        name="the-corner",
        code="""
h = 0.1
relu = F.relu                                    # max(0, x)
print("slope at −3 and 3:", at(relu, -3)[1], at(relu, 3)[1])
from_left = (relu(0.0) - relu(-h)) / h
from_right = (relu(h) - relu(0.0)) / h
both = (relu(h) - relu(-h)) / (2 * h)
print("nudged at 0: left", from_left, " right", from_right, " both", both)
none, half, whole = 0, 0.5, 1
""",
        say=(
            "*ReLU* is the larger of zero and x. Left of zero nothing comes back, right",
            "of it everything, however far out: on that side it never flattens.",
            "At zero it has a corner, and nudging there finds three slopes.",
        ),
        question=Choice(
            ask=("Which of them does minidl send back at zero?",),
            options=(
                Option("{none}", "at_zero == none", "Yes: it asks whether x > zero, and it is not."),
                Option("{half}", "at_zero == half", "The mean of both sides. Fair, but a slope that no side has."),
                Option("{whole}", "at_zero == whole", "That is the slope on the right."),
            ),
            hints=("One rule decides it: pass on where x > zero.", "Zero is not greater than zero."),
        ),
        then="""
at_zero = at(relu, 0)[1]
print("minidl at 0:", at_zero)
""",
        reveal=(
            "A corner has no one slope; any between its two sides will do, and is",
            "called a *subgradient*. PyTorch takes the same one. So near a corner a",
            "nudge that disagrees proves nothing: check gradients away from it.",
        ),
    ),
    Step(
        name="softplus",
        code="""
soft = plots.activation(F.softplus, derivatives=False)   # ln(1 + eˣ)
curve, step = F.sigmoid(x), np.where(x > 0, 1.0, 0.0)
hill = np.exp(-x ** 2 / 4)
""",
        picture=Picture(
            "soft", "Flat on the left, then bending up into a straight line: ReLU with a round corner.", rows=7
        ),
        say=("*Softplus* is a ReLU whose corner has been rounded.",),
        question=Pick(
            ask=("Which is its slope, place by place?",),
            options=(
                Option("a step", "gap(step) < 0.01", "That is ReLU's: a corner jumps.", picture="step"),
                Option("an S", "gap(curve) < 0.01", "Yes, and you have met it.", picture="curve"),
                Option("a hill", "gap(hill) < 0.01", "Then it would be flat again on the right.", picture="hill"),
            ),
            hints=("Far left none, far right one. And between?", "A round corner does not jump."),
            rows=5,
        ),
        then="""
slopes = np.array([at(F.softplus, place)[1] for place in x])
def gap(sketch): return abs(slopes - sketch).max()
print("softplus' slope is the sigmoid:", gap(curve) < 1e-6)
""",
        reveal=("Its slope is σ itself. On the left it fades, but on paper never to zero.",),
    ),
    Step(
        name="maxout",
        code="""
pieces = minidl.tensor([[-1.0, 4.0, 3.5]], requires_grad=True)
h = F.maxout(pieces, 3)
print("pieces", pieces.data[0], " maxout", h.data[0])
""",
        say=(
            "*Maxout* has no curve of its own: a unit computes several linear",
            "pieces, each with its own weights, and hands on the largest.",
            "ReLU is the case of two pieces of which one is always zero.",
        ),
        question=Number(
            ask=("Upstream is one. What comes back to each of the three pieces?",),
            answer="back",
            hints=("Nudge each piece in turn. Which of them moves the largest?", "Only the winner is passed on."),
            mistakes=(
                Mistake("np.ones(3)", "That is what + would do. Nudge the first piece: does the largest move?"),
                Mistake("np.ones(3) / 3", "That is what a mean would do. Here the winner takes it all."),
                Mistake("pieces.data[0]", "Those are the values. How fast does the largest change with each?"),
                Mistake("[0, pieces.data[0, 1], 0]", "Right place. But the slope of passing on is one."),
                Mistake("[0, 0, 1]", "The third is close, but does not win: nudge it, and the largest stays."),
            ),
            unforeseen="Nudge the first piece by a tenth: the largest stays {h.data[0][0]}. Nudge the second: it moves.",
        ),
        then="""
h.sum().backward()
back = pieces.grad.data[0]
""",
        reveal=("{back}: a *switch*. The gradient goes to where the value came from.",),
    ),
    Step(
        name="who-lets-through",
        code="""
def piecewise(x):                     # 0 until −½, 1 from ½ on
    return F.piecewise_linear(x, minidl.tensor([-1.0, -0.5, 0.5, 1.0]),
                              minidl.tensor([0.0, 0.0, 1.0, 1.0]))
def maxout(x):                        # the largest of three lines
    lines = minidl.stack([-x / 2 - 1, x / 5, x - 1], -1)
    return F.maxout(lines, 3, dim=-1).squeeze(-1)
def linear(x): return 1 * x
ALL = [minidl.heaviside, minidl.sign, linear, piecewise, F.sigmoid,
       F.tanh, F.relu, F.softplus, maxout]
place = 3
""",
        say=(
            "All that the lectures list: Heaviside, which is lesson one's step; sign,",
            "a step from minus one to one; linear, which is x; a ramp in pieces; the",
            "four you know; and a unit of maxout. A gradient is on its way back.",
        ),
        question=Number(
            ask=("Of the nine, how many let *all* of it through at x = {place}?",),
            answer="through",
            hints=(
                "Which of them are, at that place, a line that climbs as fast as x?",
                "Linear does, and ReLU. Which of its lines has maxout there?",
            ),
            mistakes=(
                Mistake("2", "Linear and ReLU, perhaps? At x = {place} maxout is one of its lines, and which?"),
                Mistake("4", "Softplus, perhaps? There it lets {nearly:.4f} through: almost."),
                Mistake("1", "Linear lets everything through everywhere. On its right side, so does …"),
                Mistake("5", "Too many. An S has nearly stopped there, and a step lets nothing through."),
            ),
            unforeseen="Go through them: a step has no slope, an S hardly any at x = {place}. Who is left?",
        ),
        then="""
for k in (0, 3, 6):
    print(*(f"{f.__name__:>9} {at(f, place)[1]:.4f}" for f in ALL[k:k+3]))
through = sum(at(f, place)[1] == 1 for f in ALL)
nearly = at(F.softplus, place)[1]
""",
        reveal=("{through}. The steps let nothing through anywhere: no gradient trains them.",),
    ),
    Step(
        name="nine",
        code="nine = plots.activation(ALL)",
        picture=Picture(
            "nine", "Nine small plots, of each function and its slope, shaded where hardly any slope is left.", rows=16
        ),
        say=("f is the function, f′ its slope, and shaded is where hardly any is left.",),
    ),
    Step(
        name="one-formula-twice",
        code="""
def one(x): return 1 / (1 + np.exp(-x))            # two lectures
def other(x): return np.exp(x) / (1 + np.exp(x))   # one lecture
big = 1000.0
with np.errstate(over="ignore"):
    for x in (2.0, -big):
        print(f"x = {x:5.0f}   {one(x):.4f}   {other(x):.4f}")
    print(f"exp({big:.0f}) =", np.exp(big))
""",
        say=(
            "Lecture notes print σ in two ways. On paper they are the same: multiply",
            "above and below by eˣ. But a float has room for so much only: beyond it",
            "eˣ *overflows*, and is infinite.",
        ),
        question=Choice(
            ask=("At x = {big}, the second way gives …",),
            options=(
                Option("one", "got == 1", "It should. But what are the two parts of the fraction?"),
                Option("zero", "got == 0", "Then the part below would have to be far the larger."),
                Option("not a number", "np.isnan(got)", "Yes: infinity over infinity."),
            ),
            hints=("Work out what stands above, and what below.", "Infinity over one plus infinity."),
        ),
        then="""
with np.errstate(over="ignore", invalid="ignore"):
    got = other(big)
    print("the first:", one(big), "  the second:", got)
print("minidl:   ", F.sigmoid(big).item(), F.sigmoid(-big).item())
""",
        reveal=(
            "One *nan* spreads: to the loss, to gradients, and with a step to weights.",
            "The remedy: take the exponential of negative numbers only. So minidl",
            "takes the first way right of zero and the second left of it.",
        ),
    ),
    Step(
        name="softplus-far-out",
        say=("Softplus has the same eˣ in it. Here too paper and numbers part.",),
        question=Number(
            ask=("Softplus is ln(one + eˣ). What is it at x = {big}, in truth?",),
            answer="truth",
            hints=("Beside such an eˣ the one does not count.", "ln(eˣ), then. What does the logarithm undo?"),
            mistakes=(
                Mistake("0", "Far to the *left* it is zero. This is the right."),
                Mistake("1", "That is its slope there."),
                Mistake("np.log(big)", "That is ln x. It is eˣ whose logarithm is taken."),
                Mistake("big + 1", "The one is added to eˣ, before the logarithm, and there it drowns."),
            ),
            unforeseen="Not that. The one drowns beside eˣ, and ln undoes eˣ.",
        ),
        then="""
truth = np.logaddexp(0.0, big)
with np.errstate(over="ignore"):
    print("as it is printed:", np.log(1 + np.exp(big)))
print("minidl, height and slope at −1000 and at 1000:")
for f in (F.sigmoid, F.tanh, F.relu, F.softplus):
    row = at(f, -big) + at(f, big)
    print(f"{f.__name__:9}", *(f"{v:6.0f}" for v in row))
""",
        reveal=(
            "x itself: far out, softplus is ReLU. Computed as printed, it is infinite.",
            "*A formula that is right on paper can be wrong in numbers.*",
        ),
    ),
    Step(
        name="louder",
        code="""
minidl.manual_seed(0)
layer_in = minidl.randn(200, 100)
weights = minidl.randn(100, 100) / 10
def mean(f, scale):
    z = (layer_in @ (scale * weights)).requires_grad_()
    return minidl.grad(f(z).sum(), [z])[0].data.mean()
print("scale of W   0.1    0.3      1      3     10")
scales = (0.1, 0.3, 1, 3, 10)
for f in (F.sigmoid, F.tanh):
    print(f"{f.__name__:9}", *(f"{mean(f, s):6.2f}" for s in scales))
""",
        say=(
            "Two hundred random inputs to a layer, and its weights turned up.",
            "The mean share that comes back falls: more and more units saturate.",
        ),
        question=Choice(
            ask=("And with ReLU instead, as the weights grow, the mean share …",),
            options=(
                Option("falls as well", "row[-1] < row[0] - 0.1", "For an S it does. Where does ReLU flatten?"),
                Option("stays", "np.ptp(row) < 0.01", "Yes: only the sign of z counts."),
                Option("grows", "row[-1] > row[0] + 0.1", "Its slope is one or nothing, however large z is."),
            ),
            hints=("What does ReLU's slope depend on?", "On the sign of z. Does scaling change signs?"),
        ),
        then="""
row = [mean(F.relu, s) for s in scales]
print(f"{'relu':9}", *(f"{s:6.2f}" for s in row))
""",
        reveal=(
            "Half of the units pass all, half pass nothing, whatever the scale.",
            "Small weights keep σ where it is steepest, and that is a quarter.",
        ),
    ),
    Step(
        name="your-turn",
        say=("tanh passes everything in the middle, and next to nothing far out.",),
        question=Exercise(
            ask=("Find an x where tanh passes as much as σ at its best, within a percent.",),
            name="x_new",
            code="""
height, share = at(F.tanh, x_new)
off = share / steepest - 1
""",
            accept="abs(off) < 0.01",
            hints=(
                "The slope of tanh is one minus its square. What must the square be?",
                "The square of tanh(x) must be {square}: try x a little above one.",
            ),
            mistakes=(
                Mistake("x_new == 0", "It ran: in the middle of tanh everything passes, {share}. Move out."),
                Mistake("abs(off) < 0.05", "It ran: {share:.4f} passes, where {steepest} is wanted. Nearly."),
                Mistake("off > 0", "It ran: at x = {x_new} too much passes, {share:.4f}. Further out."),
            ),
            unforeseen="It ran: at x = {x_new} too little passes, {share:.4f}. Further in.",
            example="float(np.arctanh(0.75 ** 0.5))",
        ),
        then="square = 1 - steepest",
        reveal=("It ran: tanh = {height:.3f} there, and {share:.4f} passes.",),
    ),
    Step(
        name="by-hand",
        code="""
W, v = np.array([[1, -2, .5], [.3, .8, -1]]), np.array([.6, -.4, 1.2])
z = 1 / (1 + np.exp(-np.dot(W, v)))            # a lecture's forward pass
dW = np.outer(z * (1 - z), v)                  # and its local gradient
leaf = minidl.tensor(W, requires_grad=True)
F.sigmoid(leaf @ v).sum().backward()
print("the lecture's dW is minidl's:", np.allclose(dW, leaf.grad.data))
""",
        say=(
            "A lecture's lines for a layer of σ agree with minidl where upstream is",
            "one for each unit, as it is for a sum. They are the *local* part, as the",
            "lecture says itself. For any other upstream g a factor is missing.",
        ),
        question=Program(
            ask=("Give dW and dx for a layer of σ and one of ReLU, upstream g.",),
            file="""
import numpy as np

def sigmoid_layer(W, x, g):
    z = 1 / (1 + np.exp(-np.dot(W, x)))
    dW = np.outer(z * (1 - z), x)          # the lecture's lines:
    dx = np.dot(W.T, z * (1 - z))          # where is g?
    return dW, dx

def relu_layer(W, x, g):
    z = np.maximum(0, np.dot(W, x))
    dW = np.zeros_like(W)
    dx = np.zeros_like(x)
    return dW, dx
""",
            given="""
from minidl.nn import functional as F
LAYER = np.array([[1.0, -2, 0.5], [0.3, 0.8, -1]]), np.array([0.6, -0.4, 1.2])
G = np.array([2.0, -3.0])
def engine(f, W, x, g):
    W, x = (minidl.tensor(a, requires_grad=True) for a in (W, x))
    f(W @ x).backward(minidl.tensor(g))
    return W.grad.data, x.grad.data
""",
            checks=(
                Check(
                    "sigmoid_layer(*LAYER, G)[0]",
                    "engine(F.sigmoid, *LAYER, G)[0]",
                    "dW is {got}; minidl has {want}.",
                    (Mistake("engine(F.sigmoid, *LAYER, np.ones(2))[0]", "the same whatever arrives. Where is g?"),),
                ),
                Check("sigmoid_layer(*LAYER, G)[1]", "nudge(lambda x: G / (1 + np.exp(-LAYER[0] @ x)), LAYER[1])"),
                Check(
                    "relu_layer(*LAYER, G)[0]",
                    "engine(F.relu, *LAYER, G)[0]",
                    "dW of ReLU is {got}; minidl has {want}.",
                    (
                        Mistake("0 * LAYER[0]", "the zeros are still there. The local slope is z > zero."),
                        Mistake("np.outer(G, LAYER[1])", "everything passes. z is never below zero: is it above?"),
                    ),
                ),
                Check("relu_layer(*LAYER, G)[1]", "nudge(lambda x: G * np.maximum(0, LAYER[0] @ x), LAYER[1])"),
            ),
            hints=(
                "First what reaches Wx: g times the local slope. Then lesson three's rules.",
                "For σ that is d = g · z · (one − z). Then np.outer(d, x) and W.T @ d.",
            ),
            solution="""
import numpy as np

def sigmoid_layer(W, x, g):
    z = 1 / (1 + np.exp(-np.dot(W, x)))
    d = g * z * (1 - z)
    return np.outer(d, x), W.T @ d

def relu_layer(W, x, g):
    z = np.maximum(0, np.dot(W, x))
    d = g * (z > 0)
    return np.outer(d, x), W.T @ d
""",
        ),
        reveal=("They agree. Another activation differs in its local slope, and only there.",),
    ),
    Step(
        name="two-layers",
        code="""
draw = np.random.default_rng(3)
w0, b0 = draw.normal(size=(4, 3)), draw.normal(size=4)
w1, b1 = draw.normal(size=(2, 4)), draw.normal(size=2)
x, t = np.array([0.6, -0.4, 1.2]), np.array([1.0, 0.0])
A = F.relu
def f(w0, b0, w1, b1):
    h = A(b0 + w0 @ x)
    y = A(b1 + w1 @ h)
    return minidl.squared_norm(y - t)       # how far from what is wanted
""",
        say=(
            "A lecture writes down a whole network, of two such layers:",
            "        hⱼ = A(b₀ⱼ + Σ xₖ w₀ⱼₖ)        yᵢ = A(b₁ᵢ + Σ hⱼ w₁ᵢⱼ)",
            "and for its gradient, ∇f, lists the slope of every number that can be",
            "turned, one below the other.",
        ),
        question=Number(
            ask=("Three inputs x, four h, two y. How many entries has ∇f?",),
            answer="len(by_hand)",
            hints=("A weight for each pair that is joined; and what has each h and each y?", "Each has a bias."),
            mistakes=(
                Mistake("w0.size + w1.size", "So many weights. Each h and each y has a bias as well."),
                Mistake("w0.size", "So many weights has the first layer. There is a second, and there are biases."),
                Mistake("w0.size + w1.size + b0.size", "Each h has its bias now. Each y has one as well."),
                Mistake("w0.size + b0.size", "That is the first layer. And the second?"),
                Mistake("b0.size + b1.size", "Those are the biases. Add the weights."),
                Mistake("2 + 3 + 4", "Those are the x, h and y. What is turned are weights and biases."),
                Mistake("w0.size + w1.size + 9", "x has no bias: it is what comes in."),
            ),
            unforeseen="w₀ has four rows of three, w₁ two rows of four; then the biases.",
        ),
        then="""
h = np.maximum(0, b0 + w0 @ x)
y = np.maximum(0, b1 + w1 @ h)
d1 = 2 * (y - t) * (y > 0)                # arrives at b₁ + w₁h
d0 = w1.T @ d1 * (h > 0)                  # arrives at b₀ + w₀x
parts = np.outer(d0, x), d0, np.outer(d1, h), d1
by_hand = np.concatenate([part.ravel() for part in parts])
leaves = [minidl.tensor(a, requires_grad=True) for a in (w0, b0, w1, b1)]
found = minidl.grad(f(*leaves), leaves)
auto = np.concatenate([g.data.ravel() for g in found])
print("by hand as by minidl:", np.abs(by_hand - auto).max() < 1e-6)
zeros, silent = (by_hand == 0).sum(), (h == 0).sum()
""",
        reveal=(
            "Twelve weights and four biases, then eight and two. {zeros} slopes are zero:",
            "{silent} of the four h are zero, so their own weights and biases get nothing,",
            "and the weights that multiply them meet a zero.",
        ),
    ),
    Step(
        name="what-comes-next",
        code="""
two = at(lambda x: F.sigmoid(F.sigmoid(x)), 0)[1]
print(f"through two: {two:.4f}, and at best {steepest ** 2:.4f}")
""",
        say=(
            "One sigmoid after another: the shares multiply, and less and less comes",
            "back. What that does to a deep network is the matter of lesson ten.",
            "",
            "But where does upstream come from? At the very end of a network there",
            "is one number that says how wrong it was, and the backward pass starts",
            "there. Which number? That is the next lesson, Losses.",
        ),
    ),
)

ACTIVATIONS = Lesson(
    number=4,
    name="activations",
    title="Activations",
    promise="Say how much of a gradient comes back through each activation, and where none does.",
    minutes=18,
    version=1,
    steps=STEPS,
    follows="losses",
    read=(
        "LeCun, Bottou, Orr and Müller (1998), Efficient BackProp: why tanh, section four.",
        "Glorot, Bordes and Bengio (2011), Deep sparse rectifier neural networks.",
        "Goodfellow, Warde-Farley, Mirza, Courville and Bengio (2013), Maxout networks.",
    ),
)
