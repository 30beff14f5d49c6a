"""Lesson 5, Losses: from scores to probabilities to one number, and how hard each loss pulls at the scores."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="knowing-nothing",
        code="""
import minidl, numpy as np
from minidl.nn import functional as F
scores = minidl.zeros(1, 10)             # one image, ten digits
right = minidl.tensor([7])               # it is a seven
""",
        say=(
            "A network that reads digits gives each of the ten a *score*.",
            "This one has no opinion yet: all its scores are zero.",
            "A *loss* says in one number how wrong the scores are, and training makes",
            "it small. The usual one for classes is called *cross-entropy*.",
        ),
        question=Choice(
            ask=("The loss of ten scores of zero is …",),
            options=(
                Option(
                    "zero", "nothing == 0", "Nothing was claimed, so nothing is wrong? But nothing is right either."
                ),
                Option("between zero and one", "0 < nothing <= 1", "Half a mistake, perhaps? It costs more than that."),
                Option("above two", "nothing > 2", "Yes."),
            ),
            hints=(
                "Would you call the network right?",
                "A loss of zero is for one that is right and sure. This one is neither.",
            ),
        ),
        then="""
nothing = F.cross_entropy(scores, right).item()
print("loss:", round(nothing, 4))
""",
        reveal=(
            "Knowing nothing has a price of its own: {nothing:.4f}.",
            "Where does such a number come from? We build the loss from its parts.",
        ),
    ),
    Step(
        name="from-scores-to-shares",
        code="""
classes = ("cat", "car", "frog")
s = np.array([3.2, 5.1, -1.7])           # the picture shows a cat
print("scores / their sum:", (s / s.sum()).round(2))
""",
        say=(
            "Three classes, three scores. We want probabilities made of them: none",
            "below zero, together one, and the higher a score, the higher its own.",
            "Dividing by the sum gives the frog less than nothing.",
        ),
        question=Choice(
            ask=("What should each score s be turned into, before dividing by the sum?",),
            options=(
                Option("s²", "fits == 's²'", "None is negative then. But see what becomes of a low score:"),
                Option("|s|", "fits == '|s|'", "None is negative then. But see what becomes of a low score:"),
                Option("eˢ", "fits == 'eˢ'", "Yes: never negative, and it grows wherever s grows."),
            ),
            hints=("Try each with a frog whose score is lower still.", "A very low score must get the least of all."),
        ),
        then="""
low = np.array([3.2, 5.1, -6.0])         # the frog is far behind now
for name, f in {"s²": np.square, "|s|": np.abs, "eˢ": np.exp}.items():
    share = f(low) / f(low).sum()
    print(f"{name:4}", share.round(4))
    if (np.argsort(share) == np.argsort(low)).all():
        fits = name
""",
        reveal=(
            "Only eˢ keeps the order: the frog is last. eˢ divided by the sum of all eˢ",
            "is *softmax*. Where a score grows by one, its eˢ grows by a factor of e.",
        ),
    ),
    Step(
        name="four-bars",
        code="""
from viz import plots
e = np.exp(s); p = e / e.sum()           # softmax
loss = -np.log(p)                        # if that class is right
rows = {"score s": s, "eˢ": e, "p = eˢ / Σ eˢ": p, "−ln p": loss}
figure = plots.bars({what: dict(zip(classes, row))
                     for what, row in rows.items()}, log=False, digits=3)
""",
        picture=Picture(
            "figure",
            "Bars of cat, car and frog: scores {s}, eˢ, probabilities {p}, losses {loss}.",
            11,
        ),
        say=(
            "Scores, eˢ, probabilities p, and −ln p. (ln undoes eˢ; it is np.log.)",
            "*Cross-entropy* is −ln p of the right class: {loss[0]:.4f} for this cat.",
            "Had it been a frog, {loss[2]:.2f}: to be sure and wrong costs most.",
        ),
    ),
    Step(
        name="a-thousand-classes",
        code="""
even = F.softmax(scores, 1).data[0]
print(f"p of each digit: {even[0]:.4f}   −ln p: {-np.log(even[0]):.4f}")
""",
        say=(
            "Back to the ten zeros. Softmax makes ten equal probabilities of them, and",
            "−ln of a tenth is ln of ten: {nothing:.4f}, the price of knowing nothing.",
        ),
        question=Number(
            ask=("With a thousand classes, knowing nothing costs how many times as much?",),
            answer="times",
            hints=(
                "Each class has a probability of a thousandth.",
                "A thousand is ten · ten · ten. What does ln make of a product?",
            ),
            mistakes=(
                Mistake("100", "So many times more classes, yes. But the loss is the ln of their number."),
                Mistake("1", "The same? Each class has less now, so −ln p is larger."),
                Mistake("2", "So many times ln of ten comes *on top*. How many times is it in all?"),
                Mistake("1000", "That is the number of classes. The loss is its ln."),
                Mistake("np.log(1000)", "That is the loss itself. How many times {nothing:.4f} is it?"),
                Mistake("6.91", "That is the loss of a thousand. How many times that of ten is it?"),
            ),
            claim="guess * nothing",
            unforeseen="Then the loss would be {claim:.4f}. It is −ln of a thousandth.",
        ),
        then="""
most = F.cross_entropy(minidl.zeros(1, 1000), right).item()
times = round(most / nothing, 4)
print(f"{most:.4f} / {nothing:.4f} = {times}")
""",
        reveal=(
            "Knowing nothing costs ln C, for C classes. Compare the first loss of your",
            "training: if it is far above ln C, the network is sure of nonsense.",
        ),
    ),
    Step(
        name="the-first-loss",
        code="""
from minidl import data, nn, optim
digits = data.digits()                   # images of 8 × 8 pixels
x = minidl.tensor(digits.images[:500].reshape(500, 64))
d = minidl.tensor(digits.labels[:500])   # which digit it is
def train(loss, lr=0.5, steps=30):
    minidl.manual_seed(0)
    model, losses = nn.Linear(64, 10), []
    sgd = optim.SGD(model.parameters(), lr)
    for _ in range(steps):
        value = loss(model(x))
        sgd.zero_grad(); value.backward(); sgd.step()
        losses.append(value.item())
    return losses, model(x).data.argmax(1)           # what it says
losses, said = train(lambda s: F.cross_entropy(s, d))
share = (said == d.data).mean()
print(f"loss {losses[0]:.2f} to {losses[-1]:.2f}, right {share:.0%}")
""",
        say=(
            "One layer, trained on {d.shape[0]} digits. Its first loss is near ln of ten, as it",
            "should be. Printed last, its *accuracy* on these digits: the share of them",
            "whose highest score is that of the right class.",
        ),
    ),
    Step(
        name="the-pull",
        code="""
y = np.array([1, 0, 0])                  # the cat is right
guesses = np.round([-1 / p[0], -p[0], p[0] - 1], 2)
""",
        say=(
            "The cat again: p = {p[0]:.4f}, and the loss is −ln p. What goes back into",
            "the network is how fast the loss changes with each of the scores.",
        ),
        question=Choice(
            ask=("How fast does the loss change with the cat's score?",),
            options=(
                Option(
                    "−{y[0]}/p, that is {guesses[0]}",
                    "abs(rates[0] - guesses[0]) < 0.01",
                    "That is the slope of −ln p in p. The score must first move p.",
                ),
                Option(
                    "−p, that is {guesses[1]}",
                    "abs(rates[0] - guesses[1]) < 0.01",
                    "Down, yes. But the less p is, the faster.",
                ),
                Option(
                    "p − {y[0]}, that is {guesses[2]}",
                    "abs(rates[0] - guesses[2]) < 0.01",
                    "Yes: by as much as p lacks of {y[0]}.",
                ),
            ),
            hints=(
                "Two gates in a row: from s to p, and from p to −ln p. Their slopes multiply.",
                "Like σ, softmax moves p at the rate p · ({y[0]} − p) when its own score moves.",
            ),
        ),
        then="""
def loss_of(s): return -np.log(np.exp(s)[0] / np.exp(s).sum())
h = 1e-4
rates = [(loss_of(s + step) - loss_of(s - step)) / (2 * h)
         for step in h * np.eye(3)]
print("nudged:", np.round(rates, 4), "   p:", p.round(4))
""",
        reveal=(
            "−{y[0]}/p times p({y[0]} − p) is p − {y[0]}. For car and frog it is simply p.",
            "Write the right answer as y = {y}, *one-hot*: the gradient is p − y.",
            "It adds up to zero: the cat is pulled up as hard as the others are pushed",
            "down, and the best rival is pushed hardest.",
        ),
    ),
    Step(
        name="a-confident-mistake",
        code="""
def squared_loss(z): return (F.sigmoid(z) - 1) ** 2      # (p − y)²
def cross_entropy(z): return -F.sigmoid(z).log()         # −ln p
z = minidl.linspace(-8, 8, 161, dtype=minidl.float64, requires_grad=True)
ramp, line = 1 - F.sigmoid(z).data, 8 - z.data
bump = np.exp(-(z.data + 1) ** 2 / 3)
""",
        say=(
            "Two classes need one score only, z, and p = σ(z). Say the answer is y = {y[0]}.",
            "Why not the *squared loss*, (p − y)²? Lecture notes call it not optimal.",
        ),
        picture=Picture(
            "pulls", "Two losses over z. Far to the left the squared loss is flat; cross-entropy is steep.", 7
        ),
        question=Pick(
            ask=("How hard does it pull z up? Left z = {z.data[0]}, sure and wrong; right z = {z.data[160]}.",),
            options=(
                Option(
                    "where most wrong",
                    "squared[0] > 0.5 * squared.max()",
                    "So it should be, and so it is with −ln p.",
                    picture="ramp",
                ),
                Option("where unsure", "0 < squared.argmax() < 160 and squared[0] < 0.01", "Yes.", picture="bump"),
                Option(
                    "ever harder",
                    "squared[0] > 1.5 * squared[40]",
                    "That is the square of z itself. p stays between zero and one.",
                    picture="line",
                ),
            ),
            hints=(
                "Two gates: from z to p, and from p to (p − y)². Which slopes multiply?",
                "The slope of σ far to the left is as good as zero.",
            ),
            rows=5,
        ),
        then="""
squared, crossed = (-minidl.grad(loss(z).sum(), [z])[0].data
                    for loss in (squared_loss, cross_entropy))
at = np.abs(z.data + 6).argmin()                         # z = −6
print(f"squared {squared[at]:.5f}   cross-entropy {crossed[at]:.5f}")
ratio = crossed[at] / squared[at]
pulls = plots.activation([squared_loss, cross_entropy], x_range=(-8, 8))
""",
        reveal=(
            "At z = {z.data[20]} the squared loss pulls {ratio:.0f} times less. It is flat there, since",
            "the slope of σ is a factor. In −ln p that factor cancels: p − y is left.",
        ),
    ),
    Step(
        name="the-missing-minus",
        say=(
            "Lecture notes disagree: one prints cross-entropy as Σ y ln p, two others",
            "have a minus before it. (Of Σ, a one-hot y leaves the right class's ln p.)",
        ),
        question=Choice(
            ask=("Train the digits on Σ y ln p, without the minus, as it is printed:",),
            options=(
                Option(
                    "loss falls, digits right", "falls and share > 0.5", "The loss does fall. But what does it reward?"
                ),
                Option("loss falls, digits wrong", "falls and share < 0.5", "Yes."),
                Option("loss rises", "not falls", "Training makes small whatever it is given."),
            ),
            hints=(
                "When is ln p far below zero?",
                "The smallest ln p is that of a right class with hardly any probability.",
            ),
        ),
        then="""
losses, said = train(lambda s: -F.cross_entropy(s, d))
falls, share = losses[-1] < losses[0], (said == d.data).mean()
print(f"loss {losses[0]:.1f} to {losses[-1]:.1f}, right {share:.0%}")
print("digits it names:", np.unique(said))
""",
        reveal=(
            "It has come to name one digit for every image. Where that is wrong, ln p",
            "falls on and on: there is no floor. The minus belongs there. And a loss",
            "that falls proves nothing alone: watch the accuracy.",
        ),
    ),
    Step(
        name="hinge",
        code="""
def hinge(s, right): return F.hinge_loss(
    minidl.tensor(s).unsqueeze(0), minidl.tensor([right])).item()
print("scores:", s)
""",
        say=(
            "Another loss, without probabilities. The *hinge* asks for a margin:",
            "",
            "          sum over the wrong classes k of max({y[1]}, s_k − s_right + {y[0]})",
            "",
            "A wrong class costs nothing if it is at least {y[0]} below the right one.",
        ),
        question=Number(
            ask=("The hinge loss of the cat, with cat, car and frog at {s}?",),
            answer="hinge(s, 0)",
            hints=(
                "Two wrong classes: car and frog. Each on its own, and none below zero.",
                "The car: {s[1]} − {s[0]} + {y[0]}. The frog is far enough below.",
            ),
            mistakes=(
                Mistake("s[1] - s[0]", "So far is the car above. The margin of {y[0]} comes on top."),
                Mistake("s[1] - s[0] + 1 + s[2] - s[0] + 1", "The frog brought less than zero: its max is zero."),
                Mistake("s[1] - s[0] + 1 + 1", "You counted the cat against itself. Wrong classes only."),
                Mistake("0", "So it would be if the car were right: it is above the others by enough."),
                Mistake("s[0] - s[1] + 1", "Turned around: the wrong score less the right one."),
                Mistake("hinge(s, 2)", "That is it for the frog. It is a cat."),
            ),
            unforeseen="The car: max({y[1]}, {s[1]} − {s[0]} + {y[0]}). The frog: max({y[1]}, {s[2]:()} − {s[0]} + {y[0]}).",
        ),
        then="""
print({name: round(hinge(s, k), 4) for k, name in enumerate(classes)})
""",
        reveal=("Had it been a car, zero: unlike cross-entropy, a hinge can get there.",),
    ),
    Step(
        name="satisfied",
        code="""
def gradient(loss, s):
    s = minidl.tensor(s, dtype=minidl.float64, requires_grad=True)
    slope, = minidl.grad(loss(s.unsqueeze(0), minidl.tensor([0])), [s])
    return slope.data
ahead = np.array([5.0, 2.0, 1.0])        # the cat leads by a margin
""",
        say=("Now the cat leads, with scores {ahead}. Train on.",),
        question=Choice(
            ask=("Which loss still pulls at these scores?",),
            options=(
                Option("both", "hinged.any() and crossed.any()", "One has what it asked for."),
                Option("hinge only", "hinged.any() and not crossed.any()", "The other way round: its margin is there."),
                Option("cross-entropy only", "crossed.any() and not hinged.any()", "Yes."),
                Option("neither", "not hinged.any() and not crossed.any()", "One of them is never content."),
            ),
            hints=(
                "Is any wrong class closer than the margin?",
                "p − y would be zero if p were exactly y. Is eˢ ever zero?",
            ),
        ),
        then="""
hinged = gradient(F.hinge_loss, ahead)
crossed = gradient(F.cross_entropy, ahead)
print("hinge", hinged, "  cross-entropy", crossed.round(3))
now = ahead
for _ in range(1000):
    now = now - gradient(F.cross_entropy, now)       # lr 1
end = np.log(np.exp(now).sum()) - now[0]
print(f"1000 steps on: loss {end:.5f}, scores", now.round(2))
""",
        reveal=(
            "The hinge stops where a class is learned well enough. Cross-entropy, notes",
            "say, goes on until the loss is zero. So it goes on for ever: {end:.5f} is",
            "not zero, and the scores still grow apart.",
        ),
    ),
    Step(
        name="sum-or-mean",
        code="n, lr = len(x), 0.5",
        say=(
            "One loss for each example, one number for all {n}: lecture notes take the",
            "*sum* here, the *mean* there. Both are least at the same weights. Does it",
            "matter? Gradient descent steps by lr times the gradient.",
        ),
        question=Number(
            ask=("The mean has lr = {lr}. With which lr does the sum take the same steps?",),
            answer="lr / n",
            hints=(
                "How much larger than the mean's is the sum's gradient?",
                "{n} times as large, and the step is lr · gradient.",
            ),
            mistakes=(
                Mistake("lr", "Then each step is {n} times as long."),
                Mistake("lr * n", "The sum's gradient is larger already, so lr must be smaller."),
                Mistake("1 / n", "That is the factor. It goes with the lr of the mean, {lr}."),
                Mistake("lr / n ** 0.5", "A root belongs to noise. The sum is exactly {n} times the mean."),
            ),
            claim="guess * n",
            unforeseen="With that lr, the sum takes the steps of the mean with lr = {claim}.",
        ),
        then="""
for how, rate in (("mean", lr), ("sum", lr / n), ("sum", lr)):
    losses, _ = train(
        lambda s: F.cross_entropy(s, d, reduction=how), rate)
    each = np.array(losses) / (n if how == "sum" else 1)
    print(f"{how:4} with lr {rate:<6}", *(f"{v:7.3g}" for v in each[:6]))
""",
        reveal=(
            "A row has the mean loss, step by step. At the mean's lr the sum leaps:",
            "its steps grow with the batch, so another batch size needs another lr.",
            'minidl takes the mean, unless told reduction="sum".',
        ),
    ),
    Step(
        name="a-score-of-a-thousand",
        code="""
big = np.array([1000.0, 999.0, 997.0])
with np.errstate(all="ignore"):
    e = np.exp(big)
    print("eˢ:", e, "  p:", e / e.sum())
""",
        say=(
            "Scores may be large, and eˢ has outgrown the computer's numbers: inf / inf",
            "is nan, and so is all that follows from it. But only differences count.",
            "Take c from every score: it divides each eˢ, and their sum, by the same",
            "number, and p stays.",
        ),
        question=Exercise(
            ask=("Find a c that saves p.   c = ?",),
            name="c",
            code="""
with np.errstate(all="ignore"):
    e = np.exp(big - c)
    shares = e / e.sum()
""",
            accept="np.isfinite(shares).all() and abs(shares[0] - 0.7) < 0.1",
            hints=("Which exponent is sure not to be too large?", "Make the largest score zero."),
            mistakes=(
                Mistake("np.isinf(e).any()", "It ran: eˢ is {e}. Take away more."),
                Mistake("e.sum() == 0", "It ran: now all eˢ are zero, and zero / zero is nan as well."),
            ),
            unforeseen="It ran: p = {shares}, rounded away. Somewhere nearer the scores?",
            example="big.max()",
        ),
        reveal=(
            "p = {shares}. Safest is c = m, the largest score:",
            "no exponent is above zero then. ln Σ eˢ = m + ln Σ eˢ⁻ᵐ is called",
            "*log-sum-exp*. F.cross_entropy does it for you: give it scores, never p.",
        ),
    ),
    Step(
        name="softmax-twice",
        code="""
perfect = np.array([[1.0] + [0.0] * 9])
""",
        say=(
            "What if you give it p all the same? Your network ends in softmax, and",
            "F.cross_entropy does softmax once more. Let the network be perfect: all",
            "the probability on the right one of ten digits.",
        ),
        question=Choice(
            ask=("The loss it gets is …",),
            options=(
                Option(
                    "zero",
                    "floor == 0",
                    "That is what p deserves. But softmax takes p for scores, and none is above one.",
                ),
                Option(
                    "below a tenth",
                    "0 < floor < 0.1",
                    "Softmax takes p for scores, and a lead of one is little against nine others.",
                ),
                Option("above one", "floor > 1", "Yes."),
            ),
            hints=(
                "What does softmax make of a one and nine zeros?",
                "e to the one is not much against nine times e to the zero.",
            ),
        ),
        then="""
floor = F.cross_entropy(minidl.tensor(perfect), minidl.tensor([0])).item()
print(f"a perfect network: loss {floor:.5f}")
once, twice = lambda s: s, lambda s: F.softmax(s, 1)
for name, f in {"scores": once, "p": twice}.items():
    losses, said = train(lambda s: F.cross_entropy(f(s), d), 2.0, 300)
    print(f"trained on {name}: loss {losses[-1]:.2f}, "
          f"right {(said == d.data).mean():.0%}")
""",
        reveal=(
            "The floor is −ln(e / (e + C − {y[0]})), {floor:.5f} for ten classes. It does train,",
            "and the accuracy hides the mistake. A loss stuck near there gives it away.",
        ),
    ),
    Step(
        name="soft-labels",
        code="""
t = np.array([0.7, 0.2, 0.1])            # people did not agree on it
def cost(p): return -(t * np.log(p)).sum()              # −Σ t ln p
""",
        say=(
            "A label may be *soft*: probabilities t in place of a one-hot (*hard*) y,",
            "where people were not sure, or where another network gave the label.",
            "The formulas stay: the loss is −Σ t ln p, its gradient p − t.",
        ),
        question=Choice(
            ask=("A network's p is exactly t. Its loss is …",),
            options=(
                Option("zero", "own < 0.01", "So it is with a hard label: there −ln p of a sure p is zero."),
                Option("above zero, and the least", "0.01 < own <= min(costs.values())", "Yes."),
                Option(
                    "above zero, and not the least",
                    "own > min(costs.values())",
                    "But p − t is zero there: no way down.",
                ),
            ),
            hints=("Is −ln p zero for any class here?", "And which way would p − t pull?"),
        ),
        then="""
costs = {name: cost(p) for name, p in {
    "sure": [0.98, 0.01, 0.01], "equal": np.ones(3) / 3, "t": t}.items()}
print(*(f"{name}: {c:.4f}  " for name, c in costs.items()))
own = costs["t"]
""",
        reveal=(
            "To be sure costs most here. The least there is, {own:.4f}, is the *entropy*",
            "of t: what the doubt in the label costs even one who knows t. So a loss",
            "that stays above zero need not be a fault.",
        ),
    ),
    Step(
        name="rare-classes",
        code="""
common, rare = 900, 100
kinds = np.repeat([0, 1], [common, rare])
seen = np.random.default_rng(0).normal(2.0 * kinds)    # they overlap
one, kind = minidl.tensor(seen[:, None]), minidl.tensor(kinds)
""",
        say=(
            "{common} examples of a common class, {rare} of a rare one. To miss most of the",
            "rare ones costs little in the mean. A remedy: multiply each example's loss",
            "by a *weight* of its class.",
        ),
        question=Number(
            ask=("Common: weight {y[0]}. Which weight makes the rare class count as much in sum?",),
            answer="common / rare",
            hints=("How many common examples are there for each rare one?", "{common} for {rare}."),
            mistakes=(
                Mistake(
                    "(common + rare) / rare", "That is all examples for each rare one. Count only the common ones."
                ),
                Mistake("rare / common", "Upside down: the rare would count for less still."),
                Mistake("common", "So it would be if there were one rare example. There are {rare}."),
                Mistake("common / (common + rare)", "That is the share of the common class."),
                Mistake("1", "As it is: in sum the rare class counts a ninth."),
            ),
            claim="guess * rare",
            unforeseen="Then the rare ones weigh {claim} in sum, and the common ones {common}.",
        ),
        then="""
for weight in (1.0, common / rare):
    pair = minidl.tensor([1.0, weight])
    model = nn.Linear(1, 2, dtype=minidl.float64)
    sgd = optim.SGD(model.parameters(), 1.0)
    for _ in range(200):
        sgd.zero_grad()
        F.cross_entropy(model(one), kind, pair).backward()
        sgd.step()
    hit = model(one).data.argmax(1) == kinds
    print(f"weight {weight:.0f}: found {hit[kinds == 1].mean():.0%} of"
          f" the rare, {hit[kinds == 0].mean():.0%} of the common")
""",
        reveal=("More of the rare are found, fewer of the common. Which costs you more?",),
    ),
    Step(
        name="by-hand",
        say=("Your turn: cross-entropy and its gradient, for a batch of scores (N, C).",),
        question=Program(
            ask=(
                "Write softmax row by row; loss, the mean of −ln p over rows, for scores",
                "of any size; and its gradient for the scores.",
            ),
            file="""
import numpy as np

def softmax(s):
    e = np.exp(s)
    return e / e.sum()

def loss(s, right):          # s is (N, C), right holds N classes
    p = softmax(s)
    return 0.0

def gradient(s, right):      # of the same shape as s
    return np.zeros_like(s)
""",
            given="""
S = np.array([[3.2, 5.1, -1.7], [0.5, -1.0, 2.0]])
R = np.array([0, 2])
def expected(s, r): return minidl.nn.functional.cross_entropy(minidl.tensor(s), minidl.tensor(r)).item()
""",
            checks=(
                Check(
                    "softmax(S).sum(axis=1)",
                    "[1, 1]",
                    "the rows of softmax add up to {got}; each row is a picture of its own.",
                ),
                Check(
                    "loss(S[:1], R[:1])",
                    "expected(S[:1], R[:1])",
                    "for the cat, {got} came back, and {want} is wanted.",
                    (
                        Mistake("0", "the zero is still there. It is −ln of the right class's p."),
                        Mistake("-expected(S[:1], R[:1])", "the minus is missing: {got} came back."),
                    ),
                ),
                Check(
                    "loss(S, R)",
                    "expected(S, R)",
                    "for two pictures, {got} came back, and their mean is {want}.",
                    (Mistake("2 * expected(S, R)", "that is the sum, {got}. The mean is wanted."),),
                ),
                Check(
                    "gradient(S, R)",
                    "nudge(lambda s: expected(s, R), S)",
                    "{got} came back; the referee has {want}.",
                    (
                        Mistake("0 * S", "the zeros are still there. Each row is p − y."),
                        Mistake("2 * want", "p − y is there. It is a mean: divide by N."),
                        Mistake("-want", "right sizes, wrong signs: p − y, not y − p."),
                    ),
                ),
                Check(
                    "loss(1000 * S, R)",
                    "expected(1000 * S, R)",
                    "for scores in the thousands, {got} came back, and {want} is wanted. Take ln p from the scores.",
                ),
            ),
            hints=(
                "Take each row's maximum from it first. And ln p = s − ln Σ eˢ.",
                "s[np.arange(len(s)), right] are the right scores; the gradient is (p − y) / N.",
            ),
            solution="""
import numpy as np

def log_softmax(s):
    s = s - s.max(axis=1, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=1, keepdims=True))

def softmax(s):
    return np.exp(log_softmax(s))

def loss(s, right):
    return -log_softmax(s)[np.arange(len(s)), right].mean()

def gradient(s, right):
    y = np.eye(s.shape[1])[right]
    return (softmax(s) - y) / len(s)
""",
        ),
        reveal=("That is the last gate of nearly every network that tells classes apart.",),
    ),
    Step(
        name="what-comes-next",
        code="""
model = nn.Linear(64, 10)
loss = F.cross_entropy(model(x), d)
loss.backward()
print("loss", round(loss.item(), 2), "  numbers to turn:",
      sum(p.data.size for p in model.parameters()))
""",
        say=(
            "Scores, loss, gradient: all a network needs to be told which way to turn.",
            "",
            "How far, and along which path? A loss is a landscape over the weights,",
            "often a long narrow valley, and the steepest way is not the shortest.",
            "",
            "That is the next lesson, Descent.",
        ),
    ),
)

LOSSES = Lesson(
    number=5,
    name="losses",
    title="Losses",
    promise="Say what a loss of ln C means, and how hard each loss pulls at the scores.",
    minutes=19,
    version=1,
    steps=STEPS,
    follows="descent",
    read=(
        "Bishop (2006), Pattern Recognition and Machine Learning, chapter four:",
        "  where cross-entropy comes from, and why it fits softmax.",
        "Weston and Watkins (1999), Support vector machines for multi-class pattern",
        "  recognition: a hinge that sums over the wrong classes.",
        "Szegedy et al. (2016), Rethinking the Inception architecture: soft labels.",
        "Hui and Belkin (2021), Evaluation of neural architectures trained with square",
        "  loss vs cross-entropy: squared on scores, not on p, it does well.",
    ),
)
