"""Lesson 9, Initialisation: how large weights must be to begin with, and what the two names for it stand for."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="a-small-number",
        code="""
import numpy as np
import minidl
from minidl import nn
n, depth, std = 256, 20, 0.01
def signal(std, f=minidl.relu, seed=0):    # what each layer hands on
    minidl.manual_seed(seed)
    x = [minidl.randn(100, n)]
    for k in range(depth):
        W = nn.init.normal_(minidl.zeros(n, n), std=std)
        x.append(f(x[-1] @ W))
    return x
""",
        say=(
            "A network begins with some weights. Small random ones, a note says: draw",
            "them with mean zero and a standard deviation (std) of {std}, which is how",
            "far from zero they typically lie. {depth} layers of {n} units, ReLU after",
            "each. The numbers that come in have std one.",
        ),
        question=Choice(
            ask=("How far from zero do the numbers lie that leave layer {depth}? About …",),
            options=(
                Option("one", "end > 0.3", "A sum of {n} terms may be large; but each term is small."),
                Option("a hundredth", "0.001 < end < 0.3", "Every layer makes them smaller, not only the first."),
                Option("nothing to speak of", "end < 1e-9", "Yes: gone, to any practical purpose."),
            ),
            hints=(
                "What one layer does to them, all of them do.",
                "One layer divides by nine or so. What do {depth} of them?",
            ),
        ),
        then="""
def size(x):                               # the root of the mean square
    return np.sqrt(np.mean(np.square(x.data, dtype=float)))
x = signal(std)
start, one, end = size(x[0]), size(x[1]), size(x[-1])
print(f"input {start:.2f}  layer 1 {one:.2f}  layer {depth} {end:.0e}")
""",
        reveal=(
            "Their *size*, the root of their mean square, says how far they lie from",
            "zero. One layer leaves a ninth of it, and so does every other: a ninth",
            "of a ninth of a ninth … is {end:.0e}.",
        ),
    ),
    Step(
        name="find-it",
        say=(
            "So weights should be larger. How large? You set them: try a few, and see",
            "what becomes of the signal.",
        ),
        question=Exercise(
            ask=("With which std has layer {depth}'s output about the size of the input?",),
            name="std_new",
            code="""
x = signal(abs(std_new))
end = size(x[-1])
factor = end ** (1 / depth)                # for each layer, on average
""",
            accept="0.2 < end < 5",
            hints=(
                "Every layer multiplies the size by the same. What should that be?",
                "Between {std} and ten times that: nearer to ten times.",
            ),
            mistakes=(
                Mistake(
                    "end <= 0.2", "Too small: size {end:.2g} at layer {depth}. Each layer multiplies by {factor:.2f}."
                ),
                Mistake(
                    "end >= 5", "Too large: size {end:.2g} at layer {depth}. Each layer multiplies by {factor:.2f}."
                ),
            ),
            unforeseen="That std is so large that the computer's numbers end: {end} at layer {depth}.",
            example="np.sqrt(2 / n)",
        ),
        then="less, more = 0.9 ** depth, 1.1 ** depth",
        reveal=(
            "It ran: size {end:.2g} at the end, times {factor:.3f} a layer.",
            "The window is narrow. With weights a tenth smaller the size is",
            "multiplied by {less:.2f}, with weights a tenth larger by {more:.1f}: every layer",
            "has a share in it. Where does this std come from?",
        ),
    ),
    Step(
        name="one-sum",
        code="""
std, var_x = 0.1, 1.0
""",
        say=(
            "One unit, before its ReLU: y = w₁x₁ + w₂x₂ + … + wₙxₙ, with n = {n}.",
            "Its *variance*, Var(y), is the square of its std: the mean square of how",
            "far it lies from its mean. Each x has mean zero and variance {var_x}, each w",
            "mean zero and std {std}. All are independent: to know one tells nothing",
            "about another.",
        ),
        question=Number(
            ask=("Var(y) = ?",),
            answer="n * std ** 2 * var_x",
            hints=(
                "A term w·x has variance Var(w)·Var(x), and the variances of the terms add.",
                "{n} terms, each with variance {std}² · {var_x}.",
            ),
            mistakes=(
                Mistake("n * std", "You took w's std for its variance. The variance is the square of it."),
                Mistake("std ** 2", "That is one term. There are {n}, and their variances add."),
                Mistake(
                    "(n * std) ** 2", "You added stds, then squared. Terms of both signs cancel in part: variances add."
                ),
                Mistake("np.sqrt(n) * std", "That is y's std. Its variance is the square."),
                Mistake("1", "That is Var(x). What do {n} terms, each of variance {std}² · {var_x}, make of it?"),
            ),
            claim="np.sqrt(abs(guess))",
            unforeseen="If it were so, y would lie about {claim:.3g} from zero. In a run it lies {spread:.2f}.",
        ),
        then="""
minidl.manual_seed(1)
W = nn.init.normal_(minidl.zeros(n, n), std=std)
y = minidl.randn(1000, n) @ W
var_y, spread = n * std ** 2 * var_x, y.data.std()
print(f"by the rule {var_y:.2f}, measured {y.data.var():.2f}")
""",
        reveal=("                    *Var(y) = n · Var(w) · Var(x)*",),
    ),
    Step(
        name="keep-it",
        say=(
            "Whatever one layer does to the variance, every layer does again. So none",
            "should change it: Var(y) = Var(x). For now there is no activation.",
        ),
        question=Number(
            ask=("Which std of the weights does that, with n = {n}?",),
            answer="1 / np.sqrt(n)",
            hints=("n · Var(w) must be one.", "Var(w) is one over {n}, and the std is its root."),
            mistakes=(
                Mistake("1 / n", "That is the variance of w. Its std is the root."),
                Mistake("np.sqrt(n)", "Upside down: more inputs want smaller weights."),
                Mistake("1", "Then Var(y) would be {n} times Var(x)."),
                Mistake("np.sqrt(2 / n)", "That is for ReLU, as you may have found. Here nothing is cut off yet."),
                Mistake("0.1", "That was the std of the last step: it makes the variance {var_y} times as large."),
            ),
            claim="n * guess ** 2",
            unforeseen="If it were so, each layer would multiply the variance by {claim:.3g}. It should be one.",
        ),
        then="""
root = 1 / np.sqrt(n)
def same(x): return x
x = signal(root, same)
linear = x[-1].data.var()
print(*(f"{x[k].data.var():.2f}" for k in (0, 5, 10, 15, 20)))
""",
        reveal=(
            "Var(w) = 1/n, std = 1/√n: the variance survives {depth} layers, nearly.",
            "It drifts a little, by the luck of the draw.",
        ),
    ),
    Step(
        name="with-relu",
        code="""
level = np.zeros(depth + 1)
bends = -2 * (1 - np.exp(-np.arange(depth + 1) / 3))
falls = -0.15 * np.arange(depth + 1.0)
""",
        say=("Now ReLU again after each layer, with the std of the last step, 1/√n.",),
        question=Pick(
            ask=("The size, layer by layer (up: powers of ten, from one at the top) …",),
            options=(
                Option("it stays", "early < 0.1", "ReLU sets half of the numbers to zero.", picture="level"),
                Option(
                    "falls, then stays",
                    "late < early / 2",
                    "It would, if later ReLUs found nothing to cut.",
                    picture="bends",
                ),
                Option("keeps falling", "early > 0.3 and late > early / 2", "Yes, evenly.", picture="falls"),
            ),
            hints=(
                "What is left of a layer's numbers when the negative ones are gone?",
                "The next layer's weights have both signs: its sums are negative half of the time again.",
            ),
        ),
        then="""
x = signal(root)
powers = np.log10([size(v) for v in x])
early, late = powers[0] - powers[5], powers[15] - powers[20]
left, half = size(x[-1]), 0.5 ** depth
print(f"mean square {left ** 2:.0e}   one halved so often {half:.0e}")
""",
        reveal=(
            "ReLU makes half of the numbers zero, and takes half of the mean square,",
            "each time. A note has 1/√n, and √(2/n) as a refinement for ReLU. Without",
            "the refinement, size {left:.4f} arrives.",
        ),
    ),
    Step(
        name="what-counts",
        code="""
y = np.maximum(minidl.randn(100_000).data, 0)
variance, square = y.var(), np.mean(y ** 2)
print(f"after ReLU: variance {variance:.2f}   mean square {square:.2f}")
a, b = 1 / variance, 1 / square
""",
        say=(
            "The weights must make up for what ReLU takes. What is that? After ReLU",
            "the mean is not zero, so variance and mean square differ. A third of the",
            "variance is left, half of the mean square. The rule has Var(x) in it.",
        ),
        question=Choice(
            ask=("Over {depth} layers of ReLU the size is kept by …",),
            options=(
                Option(
                    "Var(w) = {a:.1f}/n, for the variance lost",
                    "by_a < 3 and by_b > 3",
                    "So the rule says. The run does not.",
                ),
                Option("Var(w) = {b:.0f}/n, for the mean square lost", "by_a > 3 > by_b", "Yes."),
                Option("either", "by_a < 3 and by_b < 3", "A third apart is much, to the power of {depth}."),
            ),
            hints=(
                "Which x did the rule begin with? One whose mean was …",
                "A term w·x is large where x is large, be it far from x's mean or not.",
            ),
        ),
        then="""
by_a, by_b = (size(signal(np.sqrt(v / n))[-1]) for v in (a, b))
he = np.sqrt(2 / n)
print(f"{a:.1f}/n: size {by_a:.0f}   {b:.0f}/n: size {by_b:.1f}")
""",
        reveal=(
            "As w has mean zero, Var(w·x) is Var(w) times the *mean square* of x, which",
            "is Var(x) only where x has mean zero: the note's rule does not say so.",
            "For ReLU, Var(w) = {b:.0f}/n, std = √(2/n) = {he:.3f}. You found it by trying.",
        ),
    ),
    Step(
        name="four-scales",
        code="""
from viz import plots
small, large, at = 0.01, 0.2, (1, 5, 10, 15, 20)
begun = {"std 0.01": small, "1/√n": root, "√(2/n)": he, "std 0.2": large}
runs = {name: signal(std) for name, std in begun.items()}
drawn = plots.spreads({name: {f"layer {k}": x[k] for k in at}
                       for name, x in runs.items()})
""",
        picture=Picture(
            "drawn",
            "Four columns of histograms: too small and 1/√n wander to the left, √(2/n) stays, too large wanders right.",
            rows=13,
        ),
        say=(
            "The same {depth} layers, begun in four ways. Each row shows how large the",
            "numbers of a layer are, on an axis of powers of ten; the upright line is",
            "one. Only with √(2/n) do they stay where they are.",
        ),
    ),
    Step(
        name="does-it-learn",
        code="""
from minidl import data, models, optim
digits = data.digits()
images, d = minidl.tensor(digits.images), minidl.tensor(digits.labels)
def train(net, steps=200):     # and see how many other digits it knows
    sgd = optim.SGD(net.parameters(), lr=0.1)
    for k in range(steps):
        i = slice(k % 20, 1400, 20)
        loss = nn.functional.cross_entropy(net(images[i]), d[i])
        sgd.zero_grad(); loss.backward(); sgd.step()
    return (net(images[1400:]).data.argmax(1) == d.data[1400:]).mean()
""",
        say=(
            "Perhaps training mends it? Eight layers with ReLU between them, to read",
            "handwritten digits, begun with std {small}, and once more with √(2/n).",
        ),
        question=Choice(
            ask=("Begun with std {small}, it …",),
            options=(
                Option("catches up", "bad > good - 0.1", "It cannot: gradients pass the same layers as the signal."),
                Option("learns, but lags", "good - 0.1 >= bad > 0.3", "It would have to see a gradient first."),
                Option("learns nothing", "bad < 0.3 < good", "Yes: no better than guessing one of ten."),
            ),
            hints=("What is the gradient of a weight multiplied by? Circuits, ×.", "By what came in, and by upstream."),
        ),
        then="""
def deep(std):
    net = models.MLP(hidden=(64,) * 7)
    for p in net.parameters():
        nn.init.normal_(p, std=std * (p.ndim > 1))        # biases: zero
    return train(net)
bad, good = deep(small), deep(np.sqrt(2 / 64))
print(f"right with std {small}: {bad:.0%}   with √(2/n): {good:.0%}")
""",
        reveal=("A weight's gradient is what came in, times upstream: both next to zero.",),
    ),
    Step(
        name="the-way-back",
        code="""
n_in, n_out = 400, 100
x = minidl.randn(1000, n_in, requires_grad=True)
W = nn.init.normal_(minidl.zeros(n_out, n_in), std=(1 / n_in) ** 0.5)
y = x @ W.T
print(f"forward: from {x.data.var():.2f} to {y.data.var():.2f}")
""",
        say=(
            "Gradients go through the same weights, backwards: Wᵀ · upstream.",
            "A layer of {n_in} inputs and {n_out} outputs, begun with Var(w) = 1/n_in.",
        ),
        question=Number(
            ask=("Upstream has variance one. What variance has the gradient of x?",),
            answer="n_out / n_in",
            hints=(
                "xⱼ feeds every output, so its gradient is a sum. Of how many terms?",
                "{n_out} terms, each with variance Var(w) · one.",
            ),
            mistakes=(
                Mistake("1", "So it is on the way forward, with {n_in} terms. How many meet on the way back?"),
                Mistake("n_in / n_out", "Upside down: how many terms meet in one gradient?"),
                Mistake("1 / n_in", "That is one term. How many outputs does xⱼ feed?"),
                Mistake("n_out", "That many terms, yes; each is small."),
                Mistake("np.sqrt(n_out / n_in)", "That is its std. The variance is the square."),
            ),
            unforeseen="Count the terms that meet in one gradient, each of variance Var(w). A run says about {back:.2f}.",
        ),
        then="""
y.backward(minidl.randn(1000, n_out))
back = x.grad.data.var()
print(f"backward: from 1 to {back:.2f}")
""",
        reveal=(
            "Forward n_in counts (the *fan-in*), backward n_out (the *fan-out*). Where",
            "they differ, one variance cannot suit both. Glorot and Bengio divide by",
            "their mean: Var(w) = 2/(n_in + n_out). In a square layer that is 1/n.",
        ),
    ),
    Step(
        name="the-names",
        code="""
names = ("xavier_normal_", "kaiming_normal_", "lecun_normal_")
written = "Xavier/2"
def n_var(name):                 # variance of a weight, times n_in
    W = getattr(nn.init, name)(minidl.zeros(n_out, n_in))
    return n_in * W.data.var()
""",
        say=(
            "Notes disagree on names. One calls 2/N, for ReLU, “Xavier initialization”;",
            "on ResNet one writes “Xavier initialization from He”, one “{written}”.",
            "minidl's functions have PyTorch's names. Let each draw.",
        ),
        question=Choice(
            ask=("Which one draws with the variance 2/n_in, for {n_in} inputs and {n_out} outputs?",),
            options=(
                Option("xavier_normal_", "twice == names[0]", "So one of the notes says."),
                Option("kaiming_normal_", "twice == names[1]", "Yes."),
                Option("lecun_normal_", "twice == names[2]", "That is the oldest, from before ReLU was common."),
            ),
            hints=("Who asked what ReLU does to the signal?", "He and others, and He's first name is Kaiming."),
        ),
        then="""
drawn_with = {name: n_var(name) for name in names}
twice = min(names, key=lambda name: abs(drawn_with[name] - 2))
for name in names:
    print(f"{name:16} variance {drawn_with[name]:.1f}/n_in")
half = {"the variance": 1 / n / 2, "n": 1 / (n / 2)}     # half of what?
ends = {k: size(signal(np.sqrt(v))[-1]) for k, v in half.items()}
print(*(f"half of {k}: size {end:.1g}  " for k, end in ends.items()))
""",
        reveal=(
            "Xavier Glorot is one person, Kaiming He another: 2/n_in is He's, whatever",
            "it is called. “{written}”, with 1/n for Xavier's as in a square layer:",
            "through {depth} ReLUs it keeps the signal if n is halved, not the variance.",
        ),
    ),
    Step(
        name="all-alike",
        code="""
units = 16
net = models.MLP(hidden=(units,))
for p in net.parameters():
    nn.init.constant_(p, 1 / units)
""",
        say=("Must weights be random? Let all be equal, of a good size, and train.",),
        question=Number(
            ask=("{units} hidden units begin alike. How many different ones are there afterwards?",),
            answer="different",
            hints=(
                "Units with the same weights and the same inputs hand on the same.",
                "Then their gradients are the same as well, and so is the next step.",
            ),
            mistakes=(
                Mistake("units", "What would tell one from the other? They see the same inputs."),
                Mistake("10", "One a class? All of them feed all classes, with the same weights."),
                Mistake("2", "What would divide them into two kinds?"),
                Mistake("0", "They do learn something. But what could make two of them differ?"),
                Mistake("units / 2", "What would divide them into halves?"),
            ),
            unforeseen="Which could differ first, and by what gradient? There are {different} in the end.",
        ),
        then="""
train(net, 60)
rows = net.fc1.weight.data                     # a unit's weights each
others = (abs(rows - rows[0]).max(axis=1) > 0.001).sum()
different = 1 + others                         # the first, and others
""",
        reveal=(
            "{units} units that do the work of one. Equal weights get equal gradients, so",
            "they stay equal. Random weights *break the symmetry*.",
        ),
    ),
    Step(
        name="from-zero",
        code="""
for p in net.parameters():
    nn.init.zeros_(p)
total = sum(p.numel() for p in net.parameters())
last = sum(p.numel() for p in net.fc2.parameters())
""",
        say=("And zeros? Two layers, {total} weights and biases, all begun at zero.",),
        question=Number(
            ask=("How many of them are not zero after training?",),
            answer="moved",
            hints=(
                "Upstream passes through the last layer's weights. The last layer's inputs are the hidden units.",
                "Hidden units put out zero, so a weight they meet has gradient zero. What meets none?",
            ),
            mistakes=(
                Mistake("0", "Nearly. Some are not multiplied by a zero anywhere."),
                Mistake("total", "Which gradient passes through weights that are zero?"),
                Mistake(
                    "last",
                    "These are the last layer's, weights included. The weights meet hidden units, which are zero.",
                ),
                Mistake("units + 10", "All biases? What reaches those of the hidden layer passes the last weights."),
                Mistake("total - last", "That is the first layer. What reaches it passes the last weights, all zero."),
            ),
            unforeseen="Take the gates in turn: × swaps, + hands on. Which numbers meet no zero? Count them.",
        ),
        then="""
train(net, 60)
moved = sum(int((p.data != 0).sum()) for p in net.parameters())
""",
        reveal=("The last layer's {moved} biases: they learn how frequent each class is.",),
    ),
    Step(
        name="slightly-positive",
        code="""
bias = 0.01
def trained(bias, seed):
    minidl.manual_seed(seed)
    net = models.MLP(hidden=(64, 64))
    for p in net.parameters():
        if p.ndim > 1: nn.init.kaiming_normal_(p)
        else: nn.init.constant_(p, bias)
    return train(net, 100)
""",
        say=(
            "Biases may be zero, then, if weights are random. A note says: before ReLU",
            "they are commonly begun slightly positive, {bias} for one. Does it help?",
        ),
        question=Choice(
            ask=("Over four draws of the weights, the accuracy with {bias} is …",),
            options=(
                Option("higher", "gain > luck", "So one hopes. The run does not show it."),
                Option("as high, give or take the luck", "abs(gain) <= luck", "So it is."),
                Option("lower", "gain < -luck", "It does no harm, either."),
            ),
            hints=("How large are the sums to which it is added?", "With √(2/n) they are about one in size."),
        ),
        then="""
runs = np.array([[trained(b, k) for b in (0, bias)] for k in range(4)])
gain, luck = (runs[:, 1] - runs[:, 0]).mean(), runs[:, 0].std()
print(f"difference {gain:+.3f}   from draw to draw ±{luck:.3f}")
""",
        reveal=("It is added to sums of about one: so small a push turns on hardly a unit.",),
    ),
    Step(
        name="your-gain",
        say=(
            "A leaky ReLU hands on what is positive, and slope · x where x is negative.",
            "So it takes less than ReLU does. Work out the std that makes up for it.",
        ),
        question=Program(
            ask=("Write the std of the weights before a leaky ReLU, for any n_in and slope.",),
            file="""
import math

def std(n_in, slope):
    return math.sqrt(1 / n_in)      # right for no activation at all
""",
            checks=(
                Check(
                    "std(256, 0.0)",
                    "nn.init.calculate_gain('relu') / 256 ** 0.5",
                    "with slope zero it is a ReLU: {want} was wanted, {got} came.",
                    (
                        Mistake("1 / 16", "with slope zero it is a ReLU, which loses half of the mean square."),
                        Mistake("2 / 256", "with slope zero, that is the variance; the std is its root."),
                    ),
                ),
                Check(
                    "std(256, 1.0)",
                    "1 / 256 ** 0.5",
                    "with slope one nothing is changed, so 1/√n_in: {want}. Yours gave {got}.",
                    (Mistake("np.sqrt(2 / 256)", "with slope one nothing is lost, but yours makes up for a half."),),
                ),
                Check(
                    "std(400, 0.5)",
                    "nn.init.calculate_gain('leaky_relu', 0.5) / 400 ** 0.5",
                    "with slope {slope} and n_in {n_in}, {got} came, and {want} keeps the signal.",
                    (Mistake("np.sqrt(2 / 1.5 / 400)", "the slope multiplies x, so the mean square by its square."),),
                ),
                Check("0.2 < through(std(256, 0.3), 0.3) < 5", "True", "over twenty layers the signal is lost."),
            ),
            given="""
from minidl import nn
slope, n_in = 0.5, 400
def through(std, slope):
    minidl.manual_seed(0)
    x = minidl.randn(100, 256)
    for _ in range(20):
        W = nn.init.normal_(minidl.zeros(256, 256), std=std)
        x = nn.functional.leaky_relu(x @ W, slope)
    return np.sqrt(np.mean(x.data ** 2))
""",
            hints=(
                "What is the mean square after it? Half of the numbers keep theirs. And the other half?",
                "The other half keeps slope² of it. Divide by the mean of one and slope².",
            ),
            solution="""
import math

def std(n_in, slope):
    return math.sqrt(2 / (1 + slope ** 2) / n_in)
""",
        ),
        reveal=("Times √n_in that is called the *gain*; nn.init.calculate_gain has some.",),
    ),
    Step(
        name="what-comes-next",
        picture=Picture(
            "walls", "Two layers' numbers from minus one to one: most of them stand at the two ends.", rows=7
        ),
        code="""
x = signal(large, minidl.tanh)
walls = plots.histograms({f"layer {k}": x[k] for k in (1, 20)},
                         limits=(-1, 1))
slopes = 1 - x[-1].data ** 2     # of tanh, where it is evaluated
print(f"half of the slopes are below {np.median(slopes):.2f}")
""",
        say=(
            "Can tanh explode? It stays between its ends, whatever the weights. With",
            "std {large}, too large, it is *saturated*: most units are near an end,",
            "where it is flat. Upstream is multiplied by such a slope at every layer.",
            "",
            "Signals were this lesson; gradients are the next, *Vanishing and dying*.",
        ),
    ),
)

INITIALISATION = Lesson(
    number=9,
    name="initialisation",
    title="Initialisation",
    promise="Begin with weights that let a signal through any depth, and know the names for it.",
    minutes=15,
    version=1,
    steps=STEPS,
    follows="vanishing",
    read=(
        "Glorot and Bengio (2010), Understanding the difficulty of training deep",
        "  feedforward neural networks: n_in and n_out, for tanh.",
        "He, Zhang, Ren and Sun (2015), Delving deep into rectifiers: ReLU's half.",
        "LeCun, Bottou, Orr and Müller (1998), Efficient BackProp, on choosing weights.",
    ),
)
