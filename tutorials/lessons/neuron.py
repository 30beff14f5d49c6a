"""Lesson 1, One neuron: what three numbers can decide, what they never can, how they learn, and what two layers add."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Pick, Picture, Program, Shape, Step

STEPS = (
    Step(
        name="a-neuron",
        code="""
import minidl, numpy as np
def score(x, w, b): return x @ w + b          # w₁x₁ + w₂x₂ + b
step = minidl.heaviside                       # 1 above zero, else 0
def neuron(x, w, b): return step(score(x, w, b))
no, yes = step(np.array([-0.1, 0.1]))
w, b = np.array([3.0, -2.0]), 0.5
x = np.array([1.0, 2.0])
""",
        say=(
            "   x₁ ── · w₁ ──┐",
            "   x₂ ── · w₂ ──┼── + ── score ── above zero? ── answer",
            "   b  ──────────┘",
            "",
            "A neuron multiplies each input by a *weight*, adds all up, and adds one",
            "number more, the *bias* b. That is its *score*. If the score is above",
            "zero it answers {yes}, otherwise {no}. (Above is the code that runs, all of it:",
            "read it or not. r runs it, e lets you change it.)",
        ),
        question=Number(
            ask=("w = {w}, b = {b}, and x = {x} comes in. The score is …",),
            answer="s",
            hints=("Each weight times its input; then b.", "{w[0]:()} · {x[0]:()} + {w[1]:()} · {x[1]:()} + {b}"),
            mistakes=(
                Mistake("s - b", "That is w₁x₁ + w₂x₂. Add the bias."),
                Mistake("np.abs(w) @ x + b", "The second weight is negative: its input counts against."),
                Mistake("w.sum() + b", "Those are the weights added up. Each is multiplied by its input first."),
                Mistake("answer", "That is its answer. The score comes before it."),
            ),
            unforeseen="Not that. w₁x₁ is {w[0]:()} · {x[0]:()}; then w₂x₂, and the bias {b}.",
        ),
        then="s, answer = score(x, w, b), neuron(x, w, b)",
        reveal=("{s}: not above zero, so it answers {answer}.", "What a neuron knows is in three numbers: w₁, w₂, b."),
    ),
    Step(
        name="two-tables",
        code="""
from minidl.data.toys import truth_table
X, AND = truth_table("and")                   # all pairs of 0 and 1
X, XOR = truth_table("xor")
for row, a, o in zip(X, AND, XOR):
    print("  x =", row, "  AND", a, "  XOR", o)
""",
        say=("Two tables to learn. AND: are both inputs one? XOR: exactly one of them?",),
        question=Choice(
            ask=("With the right three numbers, a neuron can do …",),
            options=(
                Option("both", "best_and == best_xor == len(X)", "One would think so, of so small a table."),
                Option("AND, not XOR", "best_and == len(X) > best_xor", "So it seems."),
                Option("XOR, not AND", "best_xor == len(X) > best_and", "The other way around."),
                Option("neither", "max(best_and, best_xor) < len(X)", "One of them it can."),
            ),
            hints=("Try to find numbers for AND: which score must be above zero?", "Then try XOR, for a while."),
        ),
        then="""
draw, many = np.random.default_rng(0), 20_000
Ws, bs = draw.normal(size=(2, many)), draw.normal(size=many)
said = neuron(X, Ws, bs)                      # a column for each neuron
def right(said, table): return (said.T == table).sum(1)
best_and, best_xor = right(said, AND).max(), right(said, XOR).max()
print("the best has right:  AND", best_and, " XOR", best_xor)
""",
        reveal=("{many} random neurons, and none has more than {best_xor} of XOR right. Why?",),
    ),
    Step(
        name="the-line",
        code="""
w, b = np.array([1.0, 1.0]), -1.5
u, v = np.meshgrid(np.linspace(0, 1, 61), np.linspace(1, 0, 31))
def paint(yes): return np.where(yes, -1, 1)     # yes brown, no blue
box = paint((u > 0.5) & (v > 0.5))
disc = paint((1 - u)**2 + (1 - v)**2 < 0.5)
line = paint(u + v > 1.5)
""",
        say=("This one does AND. Ask it between the corners too: x₁ goes right, x₂ up.",),
        question=Pick(
            ask=("Where does it answer {yes}?",),
            options=(
                Option("in a box", "(asked == box).all()", "AND suggests it. The score does not.", picture="box"),
                Option("in a disc", "(asked == disc).all()", "Nothing in the score is squared.", picture="disc"),
                Option("past a line", "(asked == line).all()", "So it does.", picture="line"),
            ),
            hints=("Where is the score exactly zero?", "Along x₁ + x₂ + b = {no}, x₂ falls just as x₁ grows."),
            rows=5,
        ),
        then="""
asked = paint(neuron(np.stack([u, v], -1), w, b) == 1)
from viz import plots
def by(w, b): return lambda x: score(x, w, b)
figure = plots.boundaries({"AND": (by(w, b), X, AND),
    "XOR, one of the best": (by(w, -0.5), X, XOR)})
""",
        picture=Picture("figure", "A line cuts off the one corner that AND wants; of XOR one point stays wrong."),
        reveal=(
            "Where the score is zero runs a straight line, its *boundary*. Of AND it",
            "cuts one corner off. Of XOR the yes (red, square) and the no (blue, round)",
            "lie crosswise: turn the line as you like, one stays wrong, and is ringed.",
        ),
    ),
    Step(
        name="why-not",
        code="""
s = score(X, Ws, bs)                    # the scores of all random neurons
""",
        say=(
            "So it looks. But perhaps the right neuron was not among those tried.",
            "Take any neuron. Add its scores at two opposite corners, where XOR",
            "wants no; and at the other two, where it wants yes:",
            "",
            "        A = s({X[0]}) + s({X[3]})        B = s({X[1]}) + s({X[2]})",
        ),
        question=Choice(
            ask=("Which sum is larger?",),
            options=(
                Option("A", "(gap > 1e-9).all()", "Write both out in w₁, w₂ and b, and compare:"),
                Option("B", "(gap < -1e-9).all()", "XOR would need that. Write both out in w₁, w₂ and b:"),
                Option("it depends on the neuron", "gap.max() > 1e-9 > -1e-9 > gap.min()", "So it would seem."),
                Option("neither: always equal", "np.abs(gap).max() < 1e-9", "Right."),
            ),
            hints=("Write the scores with w₁, w₂ and b.", "Every weight comes once in each sum, and b twice."),
        ),
        then="""
gap = s[0] + s[3] - s[1] - s[2]
print("largest difference:", np.abs(gap).max().round(9))
""",
        reveal=(
            "Both are w₁ + w₂ + b + b. XOR wants A not above zero, B above it: one sum",
            "cannot be both. No neuron can do XOR, however long one looks.",
        ),
    ),
    Step(
        name="your-turn",
        code="""
X, NAND = truth_table("nand")                 # no where AND says yes
""",
        say=("The controls are yours. NAND says yes to all but {X[3]}: {NAND}.",),
        question=Exercise(
            ask=("A neuron for NAND, please: w₁ w₂ b = ?",),
            name="three",
            code="""
w, b = np.array(three[:2]), three[2]
said = neuron(X, w, b)
yours = plots.boundaries({"yours": (by(w, b), X, NAND)})
""",
            accept="(said == NAND).all()",
            hints=("Where must an input drive the score?", "Down; and the bias must outweigh one of them, not two."),
            mistakes=(
                Mistake("(said == 1 - NAND).all()", "That is AND itself: every answer is the wrong way around."),
                Mistake("said.all()", "It ran, and says yes to everything. Two inputs must outweigh the bias."),
                Mistake("not said.any()", "It ran, and says no to everything. The bias must be above zero."),
                Mistake("not said[0]", "With nothing coming in, the score is b = {b}. NAND says yes there."),
            ),
            unforeseen="It ran: the answers are {said}, and NAND is {NAND}.",
            example="[-1.0, -1.0, 1.5]",
        ),
        picture=Picture("yours", "The plane and the line that your neuron draws in it.", rows=8),
        reveal=("It says {said}. There are many such lines.",),
    ),
    Step(
        name="a-correction",
        code="""
def corrected(x, w, b, wanted, at_zero=0.0):
    miss = wanted - step(score(x, w, b), at_zero)
    return w + miss * x, b + miss             # if it was right, miss is 0
w, b = np.array([1.0, 1.0]), 1.0
x, wanted = X[1], AND[1]
""",
        say=(
            "How would it find its numbers by itself? By the *perceptron rule*:",
            "nothing happens until it is wrong. If it said no and yes was wanted, add",
            "the inputs to the weights, and one to b; if it said yes and no was",
            "wanted, take them away.",
        ),
        question=Number(
            ask=("w = {w}, b = {b}. It sees x = {x}; wanted: {wanted}.   w₁ w₂ b are now …",),
            answer="[*new_w, new_b]",
            hints=("What does it say, and is that wrong?", "The score is above zero, and no was wanted: take x away."),
            mistakes=(
                Mistake("[*w, b]", "It stays so if it was right. The score is {s_now}, so it said yes."),
                Mistake("[*(w + x), b + 1]", "That is the way up. It said yes where no was wanted."),
                Mistake("[*(w - 1), b - 1]", "x₁ is zero: it had no part in the score, so w₁ stays."),
                Mistake("[*new_w, b]", "The bias is corrected as well."),
            ),
            unforeseen="Not that. It said yes where no was wanted: take x from w, and one from b.",
        ),
        then="""
s_now = score(x, w, b)
new_w, new_b = corrected(x, w, b, wanted)
miss, s_then = new_b - b, score(x, new_w, new_b)
""",
        reveal=("At x the score was {s_now} and is {s_then} now: no longer above zero.",),
    ),
    Step(
        name="one-pass",
        code="""
def learn(table, passes, at_zero=0.0):
    w, b, story = np.zeros(2), 0.0, []
    for _ in range(passes):
        mistakes = 0
        for x, wanted in zip(X, table):
            kept = b
            w, b = corrected(x, w, b, wanted, at_zero)
            mistakes += b != kept             # b moves with every mistake
        story.append((w, b, mistakes))
    return story
zeros = right(neuron(X, np.zeros((2, 1)), 0.0), AND)[0]
""",
        say=("Begin with zeros: no to everything, which for AND is right at {zeros} of four.",),
        question=Number(
            ask=("One pass over the four rows, top to bottom. How many are right after it?",),
            answer="after[0]",
            hints=("At first only the last row is wrong. Correct it.", "All three numbers are one then."),
            mistakes=(
                Mistake("4", "It does get there, in pass {settled}. Not in one."),
                Mistake("3", "So many it had before. There is a correction, at {X[3]}."),
                Mistake("2", "Work it out: after {X[3]}, every number is one. What does it say to each row?"),
                Mistake("0", "To {X[3]} it says yes now."),
            ),
            unforeseen="There are four rows.",
        ),
        then="""
story = learn(AND, 6)
after = [right(neuron(X, w[:, None], b), AND)[0] for w, b, _ in story]
settled = 1 + after.index(4)
print("right after each pass:", *after)
moving = plots.boundaries({f"pass {p}": (by(*story[p - 1][:2]), X, AND)
                           for p in (1, 2, 3, settled)})
""",
        picture=Picture("moving", "All yes at first; then a line comes in, until one corner alone is beyond it."),
        reveal=(
            "Worse first, right in the end: correcting one row may spoil others. Each",
            "mistake turns the line or pushes it, until it fits. (f shows the figure.)",
        ),
    ),
    Step(
        name="on-the-line",
        code="""
w, b, _ = story[-1]
for row in X: print("  x =", row, "  score", score(row, w, b))
half = step(score(X, w, b), 0.5)      # ½ at zero
""",
        say=(
            "It has settled at w = {w}, b = {b}, with {X[2]} exactly on the line.",
            "What does a neuron say there? Notes disagree: the formula says one if",
            "w·x + b is above zero, otherwise zero; a table of the same notes gives",
            "the step the value ½ at zero. Take the table's step, and learn again.",
        ),
        question=Choice(
            ask=("With ½ at zero, AND is …",),
            options=(
                Option("learned, the same numbers", "same and done", "The line may not touch a point now."),
                Option("learned, other numbers", "done and not same", "Yes."),
                Option("never learned", "not done", "A point on the line is half a mistake, and is corrected by half."),
            ),
            hints=("Is a point on the line a mistake now?", "It is half a mistake, and half of x is added or taken."),
        ),
        then="""
w_half, b_half, mistakes = learn(AND, 6, at_zero=0.5)[-1]
done = mistakes == 0
same = np.array_equal([*w_half, b_half], [*w, b])
print("½ at zero: w =", w_half, " b =", b_half, " mistakes:", mistakes)
print("the old numbers, under this rule:", half)
""",
        reveal=(
            "Either learns. With ½ no point can rest on the line, and the bias ends",
            "elsewhere. minidl.heaviside follows the formula unless told otherwise.",
        ),
    ),
    Step(
        name="in-circles",
        say=("The same rule on XOR, which no neuron can do.",),
        question=Number(
            ask=("In the hundredth pass: at how many of the four rows is it wrong?",),
            answer="wrong",
            hints=("It corrects after each row. What does that do to the next row?", "Worse than a coin."),
            mistakes=(
                Mistake("0", "No neuron is right at all four, however long it learns."),
                Mistake("1", "The best line would have that. The rule does not know that it is the best."),
                Mistake("2", "A coin would have that."),
                Mistake("3", "Very nearly. Each correction sets up the next mistake."),
            ),
            unforeseen="There are four rows in a pass.",
        ),
        then="""
story = learn(XOR, 100)
for p in (98, 99, 100):
    w, b, wrong = story[p - 1]
    print(f"  pass {p}: wrong {wrong} times, then w = {w}, b = {b}")
""",
        reveal=(
            "At all {wrong}: each correction undoes another, and after a pass the numbers",
            "are where they were. The rule settles where a line exists, and only there.",
        ),
    ),
    Step(
        name="no-way-down",
        code="""
def error(w, b, soft, table):                 # misses, squared, added
    return ((soft(score(X, w, b)) - table) ** 2).sum()
w, b, h = np.array([1.0, 0.5]), -0.6, 0.01
before = error(w, b, step, AND)
""",
        say=(
            "A gentler way: turn one number a little, and keep it if the *error* falls:",
            "the misses, squared and added: {before} for AND at w = {w}, b = {b}.",
        ),
        question=Number(
            ask=("Turn w₁ up by {h}. By how much does the error change?",),
            answer="moved[0]",
            hints=("Which answers change?", "The scores are {scores}. Does one of them cross zero?"),
            mistakes=(
                Mistake("h", "That is how far w₁ moved. Which of the four answers changed?"),
                Mistake("-h", "It would be nice. Which of the four answers changed?"),
                Mistake("-before", "Then that row would have to be right now. Did its score cross zero?"),
                Mistake("before", "That is the error itself. By how much did it change?"),
            ),
            unforeseen="The error is made of whole answers. Which of them changed?",
        ),
        then="""
scores = score(X, w, b).round(2)
nudges = [(w + [h, 0], b), (w + [0, h], b), (w, b + h)]
moved = [error(*n, step, AND) - before for n in nudges]
print("w₁, w₂ and b, each turned up a little, move it by", *moved)
""",
        reveal=(
            "By nothing, and so for the other two, up or down. A step is flat on both",
            "sides of its jump: it never says which way is better.",
        ),
    ),
    Step(
        name="a-soft-step",
        code="""
from minidl.nn import functional as F
soft = {"σ(s)": F.sigmoid, "σ(4s)": lambda s: F.sigmoid(4 * s)}
figure = plots.fits(soft, target=step, x_range=(-4, 4),
                    axes_names=("s", "y"))
middle = F.sigmoid(np.array(0.0))
before = error(w, b, F.sigmoid, AND)
moved = [error(*n, F.sigmoid, AND) - before for n in nudges]
print("each nudge moves the error by", *(f"{m:.4f}" for m in moved))
""",
        picture=Picture("figure", "The hard step, and over it a slope from zero to one; steeper at the right.", rows=7),
        say=(
            "So make the step soft: the *sigmoid*, σ(s) = {yes} / ({yes} + e⁻ˢ). It climbs from",
            "zero to {yes}; at score zero it answers {middle}, undecided. Now every nudge",
            "counts: turning w₁, w₂ or b up raises the error, so turn all three down.",
        ),
    ),
    Step(
        name="downhill",
        code="""
def slopes(p, table):                         # error's change per nudge
    at = lambda p: error(p[:2], p[2], F.sigmoid, table)
    e = h * np.eye(3)                         # nudge one at a time
    return np.array([at(p + d) - at(p - d) for d in e]) / (2 * h)
def descend(table, steps=400):
    p = np.array([2.0, -1.0, 0.5])            # w₁, w₂, b
    for _ in range(steps):
        p = p - slopes(p, table)              # against what raises it
    return F.sigmoid(score(X, p[:2], p[2])).round(2)
print("AND:", descend(AND), " wanted", AND)
""",
        say=(
            "Turn all three numbers at once, each against what raises the error, again",
            "and again. So it learns AND.",
        ),
        question=Number(
            ask=("After as many steps on XOR, what does it answer to {X[3]}?",),
            answer="end[3]",
            hints=("No line is right. What is the least wrong it can be?", "It may refuse to decide."),
            mistakes=(
                Mistake("0.0", "XOR wants that, but then a row that wants one would pay for it."),
                Mistake("1.0", "That is the wrong way, and the error would tell it so."),
                Mistake("0.25", "Close to no; then the other rows would cost more than this one gains."),
                Mistake("0.75", "That leans to the wrong side: XOR wants zero there."),
            ),
            unforeseen="Not that. Look at all four rows: two want one, two want zero, crosswise.",
        ),
        then="""
end = descend(XOR)
print("XOR:", end, " wanted", XOR)
""",
        reveal=(
            "{end[3]}, to every row: no single neuron has a smaller error on XOR.",
            "Such nudging, made fast, is how nearly every network learns.",
        ),
    ),
    Step(
        name="a-number-instead",
        code="""
from minidl.data.toys import curve
x, y = curve("line", 24, noise=0.06)          # points about a line
w = b = 0.0
for _ in range(300):                          # nudging, as before
    off = lambda w, b: ((w * x + b - y) ** 2).mean()
    w, b = (w - (off(w + h, b) - off(w - h, b)) / (2*h) * 0.5,
            b - (off(w, b + h) - off(w, b - h)) / (2*h) * 0.5)
figure = plots.fits({"y = wx + b": lambda x: w * x + b}, points=(x, y))
""",
        picture=Picture("figure", "Points scattered about a rising line, and the line through them.", rows=7),
        say=(
            "Leave the step out and the score itself is the answer, a number:",
            "w = {w:.2f}, b = {b:.2f}. That is *regression*, and the line is what it says.",
            "With the step it is *classification*: the line is where the answer turns.",
        ),
    ),
    Step(
        name="a-layer",
        code="""
layer = minidl.nn.Linear(2, 3)                # 2 inputs, 3 neurons
x = minidl.tensor([1.0, 2.0])
print("scores:", layer(x).shape, "  biases:", layer.bias.shape)
""",
        say=(
            "Several neurons that look at the same inputs are a *layer*. Their weights",
            "make a matrix W, and all scores at once are Wx + b.",
        ),
        question=Shape(
            ask=("What is the shape of W?   (rows, columns)",),
            answer="W.shape",
            hints=("Wx multiplies each row of W by x.", "A row for each neuron, a column for each input."),
            mistakes=(
                Mistake("W.shape[::-1]", "That is Wᵀ. Each row of W meets x, and makes one score."),
                Mistake("layer.bias.shape", "That is b: one number for each neuron. And its weights?"),
                Mistake("x.shape", "Those are the weights of one neuron alone."),
                Mistake("(3, 3)", "With the biases inside. Here they are apart, in b."),
            ),
            unforeseen="How many neurons are there, and how many inputs has each?",
        ),
        then="""
W, b = layer.weight, layer.bias
V = W.T                                       # stored the other way
print("Wx + b ", (W @ x + b).data.round(3))
print("Vᵀx + b", (V.T @ x + b).data.round(3))
""",
        reveal=(
            "Some notes write a layer as Wx + b, others as Wᵀh + w₀. The numbers are",
            "the same; only the matrix is stored turned. minidl and PyTorch: {W.shape}.",
        ),
    ),
    Step(
        name="two-layers",
        say=(
            "And XOR? Let two neurons look at x, and a third at what they say:",
            "h = step(W₁x + b₁), answer = step(w₂·h + b₂). You have met AND and NAND;",
            "and OR says no to {X[0]} alone.",
        ),
        question=Program(
            ask=("Choose the nine numbers so that the three together do XOR.",),
            file="""
import numpy as np

W1 = np.array([[1.0, 1.0],       # the first neuron's weights
               [1.0, 1.0]])      # the second one's
b1 = np.array([-0.5, -0.5])
w2 = np.array([1.0, 1.0])        # the third looks at those two
b2 = -0.5
""",
            checks=(
                Check(
                    "shapes(W1, b1, w2, b2)", "shapes(np.ones((2, 2)), *np.ones((2, 2)), 0)", "{got} came, not {want}."
                ),
                Check(
                    "answers(W1, b1, w2, b2)",
                    "[0, 1, 1, 0]",
                    "{got}, where XOR is {want}.",
                    (
                        Mistake("[0, 1, 1, 1]", "that is OR. What says no to the last row alone?"),
                        Mistake("[1, 1, 1, 0]", "that is NAND. What says no to the first row alone?"),
                        Mistake("[1, 0, 0, 1]", "the right rows, the wrong way around: turn the third neuron's signs."),
                        Mistake("[0, 0, 0, 1]", "that is AND. Which rows should the third neuron see as different?"),
                        Mistake("[1, 1, 1, 1]", "it says yes to everything. Look at h before you look at the answer."),
                        Mistake("[0, 0, 0, 0]", "it says no to everything. Look at h before you look at the answer."),
                    ),
                ),
            ),
            given="""
def shapes(*arrays): return " ".join(str(np.shape(a)) for a in arrays)
def answers(W1, b1, w2, b2):
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    h = (X @ W1.T + b1 > 0) * 1.0
    return (h @ w2 + b2 > 0).astype(int)
""",
            hints=("At least one, and not both.", "The first OR, the second your NAND, the third an AND of them."),
            solution="""
import numpy as np

W1 = np.array([[1.0, 1.0],       # OR
               [-1.0, -1.0]])    # NAND
b1 = np.array([-0.5, 1.5])
w2 = np.array([1.0, 1.0])        # AND of the two
b2 = -1.5
""",
        ),
        reveal=("Three neurons, two layers: what one could never do.",),
    ),
    Step(
        name="what-comes-next",
        code="""
W1, b1 = np.array([[1., 1.], [-1., -1.]]), np.array([-0.5, 1.5])
hidden = lambda x: step(score(x, W1.T, b1))
third, H = by(np.ones(2), -1.5), hidden(X)
whole = lambda x: third(hidden(x))
titles = {"XOR by three": ("x₁", "x₂"), "the third sees": ("h₁", "h₂")}
pairs = zip(titles, [(whole, X, XOR), (third, H, XOR)])
figure = plots.boundaries(dict(pairs), axes_names=titles)
numbers = W1.size + b1.size + 3
""",
        picture=Picture("figure", "Left, a band between two lines: XOR. Right, in h₁ and h₂, one line is enough."),
        say=(
            "The first layer moves the points to where one line is enough.",
            "We set {numbers} numbers by hand. How would a network find a million? It has",
            "to know for each of them which way to turn it, and to nudge each would",
            "take for ever. Next: all of them in one pass.   minidl tutorial circuits",
        ),
    ),
)

NEURON = Lesson(
    number=1,
    name="neuron",
    title="One neuron",
    promise="Say what a single neuron can decide, what it never can, and how it learns.",
    minutes=20,
    version=1,
    steps=STEPS,
    follows="circuits",
    read=(
        "Rosenblatt (1958), The perceptron: the rule that learns from its mistakes.",
        "Minsky and Papert (1969), Perceptrons: what one layer cannot do, with proofs.",
        "McCulloch and Pitts (1943): networks of steps, set by hand.",
    ),
)
