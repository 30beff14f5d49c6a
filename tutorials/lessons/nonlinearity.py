"""Lesson 12, Why nonlinearity: layers without a bend between them are one layer; with one, they follow any curve."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Pick, Picture, Program, Shape, Step

STEPS = (
    Step(
        name="deep-and-straight",
        code="""
import minidl, numpy as np
from minidl import nn, optim
from minidl.data.toys import playground
from minidl.nn import functional as F
X, y = playground("spiral", 200)
def train(model):                       # % of the points right, and loss
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        optimizer.zero_grad()
        scores = model(minidl.tensor(X))[:, 0]
        loss = F.binary_cross_entropy_with_logits(scores, 1.0 * y)
        loss.backward()
        optimizer.step()
    return 100 * ((scores.data > 0) == y).mean(), loss.item()
right, loss = train(one := nn.Linear(2, 1))
""",
        say=("Two spirals. One linear layer has {right:.1f} % of the points right. Now four.",),
        question=Choice(
            ask=("Trained alike, the deep one has …",),
            options=(
                Option("nearly all right", "deep_right > right + 25", "It has thousands of numbers to turn, and yet:"),
                Option("clearly more", "2 < deep_right - right <= 25", "It has thousands of numbers to turn, and yet:"),
                Option("as many", "abs(deep_right - right) <= 2", "As many, and not one more."),
            ),
            hints=("What can the second layer make of what the first one gives it?", "Sums of sums are sums."),
        ),
        then="""
deep = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 32),
                     nn.Linear(32, 32), nn.Linear(32, 1))
deep_right, deep_loss = train(deep)
print(f"one {right:.1f} %, loss {loss:.3f}",
      f"  four {deep_right:.1f} %, loss {deep_loss:.3f}")
""",
        reveal=("Not even the loss is lower. What did all those numbers do?",),
    ),
    Step(
        name="the-product",
        code="""
weights = [layer.weight.data for layer in deep]
for k, W in enumerate(weights): print(f"  W{k + 1}", W.shape)
numbers = sum(p.data.size for p in deep.parameters())
""",
        say=(
            "Leave the biases aside for a moment: x goes in, then W₁x, then W₂(W₁x),",
            "and out comes W₄(W₃(W₂(W₁x))). The brackets may go: (W₄W₃W₂W₁)x.",
        ),
        question=Shape(
            ask=("What is the shape of the product W₄W₃W₂W₁?",),
            answer="W.shape",
            hints=("It takes x and gives the score.", "Rows as W₄ has, columns as W₁ has."),
            mistakes=(
                Mistake("W.shape[::-1]", "Turned around: W₄ is on the left, and its rows are the outputs."),
                Mistake("weights[0].shape", "That is W₁. Three more follow."),
                Mistake("weights[1].shape", "That is W₂, an inner one. The inner sizes cancel."),
                Mistake("weights[3].shape", "That is W₄. It is multiplied by three more, down to x."),
            ),
            unforeseen="It takes the two numbers of x and gives one score.",
        ),
        then="""
W, b = np.eye(2), np.zeros(2)
for layer in deep:                        # and the biases go along
    W, b = layer.weight.data @ W, layer.weight.data @ b + layer.bias.data
gap = np.abs(deep(minidl.tensor(X)).data - (X @ W.T + b)).max()
print("Wx + b is the whole network, to 1e-5:", gap < 1e-5)
""",
        reveal=("{numbers} numbers do the work of {W.size} weights and a bias: the layers *collapse*.",),
    ),
    Step(
        name="a-bend-between",
        code="""
from viz import plots
Bend = nn.ReLU
bent = nn.Sequential(nn.Linear(2, 32), Bend(), nn.Linear(32, 32), Bend(),
                     nn.Linear(32, 32), Bend(), nn.Linear(32, 1))
bent_right, _ = train(bent)
figure = plots.boundaries({"one layer": (one, X, y),
    "four layers": (deep, X, y), "four, with ReLU": (bent, X, y)})
""",
        picture=Picture(
            "figure",
            "Three planes with the same two spirals. One layer and four layers cut them with the same straight line; with ReLU "
            "between the layers the boundary winds along between the arms.",
            rows=9,
        ),
        say=(
            "The same layers, ReLU between them: {bent_right:.1f} % right. Why is so small a",
            "bend enough? (Press e: put nn.Tanh or nn.Identity in place of nn.ReLU.)",
            "Watch it live:   minidl playground --data spiral --activation linear",
        ),
    ),
    Step(
        name="what-a-unit-draws",
        code="""
x = np.linspace(-1, 1, 401)
curve = F.relu(x + 0.5) - 2 * F.relu(x) + F.relu(x - 0.5)
step, ramp = 0.5 * (x > 0), np.clip(x + 0.5, 0, 0.5)
tent = np.maximum(0.5 - abs(x), 0)
""",
        say=(
            "One input x. A unit relu(x − k) is flat until k and climbs from there on:",
            "a line with one bend. Add three, of heights one, minus two and one:",
            "relu(x + ½) − two · relu(x) + relu(x − ½).",
        ),
        question=Pick(
            ask=("It looks like …",),
            options=(
                Option(
                    "a ramp",
                    "np.allclose(curve, ramp)",
                    "The middle unit has minus two: it turns down.",
                    picture="ramp",
                ),
                Option("a tent", "np.allclose(curve, tent)", "Up, down, and flat again.", picture="tent"),
                Option("a step", "np.allclose(curve, step)", "Nothing here jumps.", picture="step"),
            ),
            hints=(
                "How steep is it left of all bends? And after each bend?",
                "The steepness changes by each height in turn: none, up, down, none.",
            ),
            rows=5,
        ),
        then="steepness = (np.diff(curve) / np.diff(x))[[50, 150, 250, 350]].round(6)",
        reveal=("Its steepness is {steepness}, piece by piece: each unit adds its height.",),
    ),
    Step(
        name="your-turn",
        code="""
V = np.abs(x)
""",
        say=("relu(x) is the right arm of |x|, and relu(−x) looks to the other side.",),
        question=Exercise(
            ask=("Make |x| of them:  a · relu(x) + c · relu(−x).   a c = ?",),
            name="heights",
            code="""
a, c = heights
yours = lambda x: a * F.relu(x) + c * F.relu(-x)
made = yours(x)
arms = plots.fits({"yours": yours}, target=np.abs)
""",
            accept="np.allclose(made, V)",
            hints=("On the right only the first one counts, on the left only the second.", "Both have to climb alike."),
            mistakes=(
                Mistake(
                    "np.allclose(made, x)", "That is x itself: both halves fell into one line, and no bend is left."
                ),
                Mistake("np.allclose(made, -V)", "It ran: that is |x| upside down."),
                Mistake("np.isclose(a, c)", "It ran: a V, but its arms have a steepness of {a}."),
            ),
            unforeseen="It ran: to the right it climbs by {a}, to the left by {c}.",
            example="[1.0, 1.0]",
        ),
        picture=Picture("arms", "A V, and over it the curve that your two units draw.", rows=7),
        reveal=("It ran. |x| folds the line: what lies left and right comes together.",),
    ),
    Step(
        name="by-hand",
        say=(
            "So units can lead a line through any points. It begins at the first knot",
            "with the first value. Each knot but the last has a unit that bends there,",
            "relu(x − knot), and its height is added to the steepness so far.",
        ),
        question=Program(
            ask=("Let heights return the height of each unit, one a piece.",),
            file="""
import numpy as np

def heights(knots, values):
    steepness = np.diff(values) / np.diff(knots)     # piece by piece
    return np.zeros(len(knots) - 1)                  # one a piece
""",
            given="""
K, V = np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0.0, 1.0, -1.0, 2.0])
def drawn(h): return V[0] + np.maximum(K[:, None] - K[:-1], 0) @ h
""",
            checks=(
                Check("np.shape(heights(K, V))", "(3,)", "{got} is its shape; there is a height for each piece."),
                Check(
                    "heights(np.array([0.0, 1, 2, 3]), np.array([0.0, 2, 4, 1]))",
                    "np.array([2.0, 0, -5])",
                    "{got}, where it takes {want}.",
                    (
                        Mistake("np.zeros(3)", "the zeros are still there. How steep is the first piece?"),
                        Mistake(
                            "np.array([2.0, 2, -3])",
                            "that is how steep each piece is. The unit before it goes on climbing: add what is missing.",
                        ),
                    ),
                ),
                Check("drawn(heights(K, V))", "V", "through other knots it goes {got}; wanted were {want}."),
            ),
            hints=(
                "A height is by how much the steepness changes at its knot.",
                "np.diff(steepness, prepend=…): how steep is it before the first piece? Not at all.",
            ),
            solution="""
import numpy as np

def heights(knots, values):
    steepness = np.diff(values) / np.diff(knots)     # piece by piece
    return np.diff(steepness, prepend=0.0)           # one a piece
""",
        ),
        reveal=("No training: this network is written down.",),
    ),
    Step(
        name="how-many",
        code="""
f = lambda x: np.sin(2 * np.pi * x)
def built(n):                             # n hidden units, on [−1, 1]
    knots = np.linspace(-1, 1, n + 1)
    steepness = np.diff(f(knots)) / np.diff(knots)
    heights = np.diff(steepness, prepend=0.0)
    return lambda x: f(-1.0) + F.relu(x - knots[:-1]) @ heights
places = np.linspace(-1, 1, 4001)
def off(net): return np.abs(net(places[:, None]) - f(places)).max()
n = 20
few, many = off(built(n)), off(built(4 * n))
""",
        say=("Your heights, for a sine wave. With {n} units the largest miss is {few:.3f}.",),
        question=Choice(
            ask=("With four times as many units the largest miss is about …",),
            options=(
                Option("half of that", "1.4 < few / many < 3", "Better than that."),
                Option(
                    "a quarter of it", "3 <= few / many < 6", "The pieces are a quarter as long. And the arc over them?"
                ),
                Option("a sixteenth of it", "10 < few / many < 25", "Yes: the miss shrinks with the square."),
            ),
            hints=(
                "The miss is the height of an arc over its chord.",
                "Halve a chord: of a parabola's arc a quarter of the height is left.",
            ),
        ),
        then="""
for k in (n, 4 * n, 16 * n):
    print(f"  {k:3} units: at most {off(built(k)):.2g} off")
""",
        reveal=(
            "As near as you like: name a miss, and some width stays below it. So it is",
            "for each continuous curve on such a stretch: *universal approximation*.",
        ),
    ),
    Step(
        name="the-pieces",
        code="""
sizes = (4, 8, 20)
nets = {f"{k} units": built(k) for k in sizes}
bends = [np.linspace(-1, 1, k + 1)[:-1] for k in sizes]
figure = plots.fits(nets, target=f, bends=dict(zip(nets, bends)))
""",
        picture=Picture(
            "figure",
            "Three times the same two waves, pale, and over them straight pieces with a mark at each bend: far off with the "
            "fewest units, close with the most.",
            rows=9,
        ),
        say=(
            "The pale wave is wanted, and each mark is where a unit bends the line.",
            "{sizes[0]} units bend exactly where the wave is zero, and see nothing of it.",
            "Press f for the figure, ready for a slide.",
        ),
    ),
    Step(
        name="outside",
        code="""
net = built(80)
beyond = np.linspace(-2, 2, 401)
wave = f(beyond)
flat = np.where(abs(beyond) <= 1, wave, 0.0)
straight = np.where(beyond > 1, 2 * np.pi * (beyond - 1), flat)
""",
        say=("It was built between minus one and one. Now ask it twice as far out.",),
        question=Pick(
            ask=("What does it do there?",),
            options=(
                Option(
                    "waves on", "abs(said - wave).max() < 0.5", "It never saw that there is a wave.", picture="wave"
                ),
                Option("rests at zero", "abs(said - flat).max() < 0.5", "Units do not switch off.", picture="flat"),
                Option("goes straight", "abs(said - straight).max() < 0.5", "Yes.", picture="straight"),
            ),
            hints=("Left of all knots no unit is on. And right of all?", "Past the last bend nothing bends."),
            rows=5,
        ),
        then="""
said = net(beyond[:, None])
far = plots.fits({"80 units": net}, target=f, x_range=(-2, 2),
                 fitted_on=(-1, 1))
""",
        picture=Picture(
            "far", "It follows the wave in the middle, is flat at the left and runs off at the right.", rows=6
        ),
        reveal=(
            "Some notes say: near f for all x; others: for any bounded f. This wave is",
            "bounded, but no such network follows it for ever: at last it goes",
            "straight. The theorem is about a bounded stretch of x.",
        ),
    ),
    Step(
        name="which-bend",
        code="""
def best_of(bend, units):                 # random units, best heights
    draw = np.random.default_rng(0)
    w, b = draw.normal(0, 5, units), draw.uniform(-5, 5, units)
    h = np.c_[bend(np.outer(spots, w) + b), np.ones(len(spots))]
    heights = np.linalg.lstsq(h, f(spots), rcond=None)[0]
    return np.abs(h @ heights - f(spots)).max()
spots = places[::40]
bends = {"ReLU": F.relu, "tanh": np.tanh, "sigmoid": F.sigmoid}
for name, bend in bends.items():
    print(f"  {name:8} {best_of(bend, 40):.2f} off")
""",
        say=("Must it be ReLU? Forty random units of each kind, with their best heights:",),
        question=Choice(
            ask=("And with x² instead, smooth and bent everywhere?",),
            options=(
                Option("as near, or nearer", "square < 0.4", "It bends. But it bends in one way only."),
                Option("not near; more units help", "square > 0.4 and more < square / 2", "Let us see."),
                Option("not near, ever", "square > 0.5 and more > 0.9 * square", "Right."),
            ),
            hints=("What is a sum of (wx + b)² when you multiply it out?", "A parabola, however many you add."),
        ),
        then="""
square, more = best_of(np.square, 40), best_of(np.square, 80)
print(f"  x²: 40 units {square:.2f} off, 80 units {more:.2f} off")
""",
        reveal=("Parabolas add up to a parabola. Leshno: any bend will do but a polynomial.",),
    ),
    Step(
        name="tables",
        code="""
from minidl.data.toys import truth_table
def by_heart(X, y):                       # a unit for each row of ones
    rows = X[y == 1]
    W, b = 2 * rows - 1, 0.5 - rows.sum(1)    # on at its own row alone
    return lambda x: minidl.heaviside(x @ W.T + b).sum(-1), len(rows)
net, units = by_heart(*truth_table("xor", 2))
print("XOR of 2 inputs:", units, "units, right:",
      np.array_equal(net(truth_table("xor", 2)[0]), [0, 1, 1, 0]))
""",
        say=(
            "Tables, too, and exactly: give each row that wants one a unit of its own,",
            "and add them up. XOR of many inputs: is the number of ones odd?",
        ),
        question=Number(
            ask=("XOR of ten inputs: how many hidden units does this take?",),
            answer="units",
            hints=("How many rows has the table? In how many of them are the ones odd?", "Half of {rows} rows."),
            mistakes=(
                Mistake("rows", "So many rows has the table. Half of them want zero, and need no unit."),
                Mistake("10", "That is the number of inputs. Each row that wants one has a unit."),
                Mistake("20", "The rows double with every input, they do not add up."),
                Mistake("100", "The rows double with every input."),
                Mistake("2", "So many it took with two inputs."),
            ),
            unforeseen="Each further input doubles the table, and half of its rows want one.",
        ),
        then="""
X, y = truth_table("xor", 10)
rows, (net, units) = len(X), by_heart(X, y)
print("all", rows, "rows right:", np.array_equal(net(X), y))
ones = X.sum(1, keepdims=True)            # and by counting, ten units:
on = minidl.heaviside(ones - np.arange(10) - 0.5)
print("ten that count the ones:", np.array_equal(on @ (5 * [1, -1]), y))
""",
        reveal=(
            "{units}, and with each input twice as many: wide enough can be very wide.",
            "For this table, counting is a shorter way; most have none so short.",
        ),
    ),
    Step(
        name="there-or-found",
        code="""
steps, seen = 300, minidl.tensor(places[::20, None].astype("f"))
wanted = f(seen.data)
def learned(n, seed):
    minidl.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, n), nn.ReLU(), nn.Linear(n, 1))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(net(seen), wanted).backward()
        optimizer.step()
    return np.abs(net(seen).data - wanted).max()
""",
        say=("Written down, {n} units are at most {few:.3f} off. Let {n} units learn the wave.",),
        question=Choice(
            ask=("After {steps} steps of Adam, of three tries the best is …",),
            options=(
                Option("nearer", "best < 0.7 * few", "It could be: heights and knots are both free."),
                Option("about as near", "0.7 * few <= best <= 1.5 * few", "It could be."),
                Option("further off", "best > 1.5 * few", "Yes."),
            ),
            hints=(
                "Where do the units bend at first? Who moves them?",
                "Descent has to push every knot into its place.",
            ),
        ),
        then="""
tries = [learned(n, seed) for seed in range(3)]
best = min(tries)
print("  learned:", *(f"{t:.1f}" for t in tries), "off")
""",
        reveal=("The theorem says that good numbers are there, not how to find them.",),
    ),
    Step(
        name="folds",
        code="""
t = lambda x: 1 - 2 * (F.relu(x) + F.relu(-x))    # 1 − 2|x|: two units
line = np.linspace(-1, 1, 4097)
def pieces(y): return 1 + (np.diff(y, 2).round(9) != 0).sum()   # bends
print("one layer:", pieces(t(line)), "pieces   two:", pieces(t(t(line))))
""",
        say=(
            "And depth? Width adds a bend a unit: six units in one layer make seven",
            "pieces at most. This layer has two, and folds the line like your |x|.",
            "The next layer folds what is folded already.",
        ),
        question=Number(
            ask=("Three such layers, six units in all: how many straight pieces?",),
            answer="after_three",
            hints=("A fold lays two halves over each other. What is drawn on both?", "Each layer doubles them."),
            mistakes=(
                Mistake("7", "So many make six units side by side. These are in a row."),
                Mistake("6", "Two a layer, if they added up. But each layer folds all there is."),
                Mistake("4", "So many after two layers."),
                Mistake("9", "Three times three? Each fold has two halves."),
            ),
            unforeseen="It was {one_fold}, then {two_folds}. What does one fold more do?",
        ),
        then="""
one_fold, two_folds = pieces(t(line)), pieces(t(t(line)))
after_three = pieces(t(t(t(line))))
""",
        reveal=("{after_three}: each layer draws all that came before twice, once for each half.",),
    ),
    Step(
        name="what-comes-next",
        code="""
y, layers = line, 10
for _ in range(layers): y = t(y)
deep_pieces, deep_units = pieces(y), 2 * layers
figure = plots.iterates(t, (1, 2, 3, 4), x_range=(-1, 1), name="t")
""",
        picture=Picture("figure", "One tent, two, four, eight: each fold doubles them.", rows=7),
        say=(
            "Width adds, depth multiplies. {layers} layers have {deep_units} units and {deep_pieces} pieces; one",
            "layer would need a unit for each bend.",
            "",
            "So a bend makes layers worth having, and one hidden layer is enough to",
            "follow any curve on a stretch, if it may be as wide as it likes.",
            "Then why are networks deep? That is the next question: why depth?",
        ),
    ),
)

NONLINEARITY = Lesson(
    number=12,
    name="nonlinearity",
    title="Why nonlinearity",
    promise="Say why layers need a bend between them, and what one bend makes possible.",
    minutes=15,
    version=1,
    steps=STEPS,
    read=(
        "Cybenko (1989): sums of sigmoids, near any continuous function on a cube.",
        "Hornik et al. (1989, 1990): other bends as well; and derivatives.",
        "Leshno et al. (1993): every bend but polynomials.",
        "Lu et al. (2017): narrow networks do as well, if they are deep.",
        "Nielsen (2015), Neural networks and deep learning, 4: in pictures.",
    ),
)
