"""Lesson 7, Learning rate and batches: where descent flies apart, what too high looks like, and what a batch is worth."""

from __future__ import annotations

from ..lesson import Check, Choice, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="twice-the-rate",
        code="""
import minidl, numpy as np
from minidl import optim; from viz import plots
lam, lr, start = 4.0, 0.25, (1.0, 0.0)
def bowl(w, other): return lam * w * w / 2     # its slope is lam · w, so
def roll(lr, steps):                           # w ← (1 − lr · lam) · w
    way = plots.descend(bowl, start, lambda w: optim.SGD(w, lr), steps)
    return way[:, 0]
t = np.arange(10)                              # three sketches
nears, keeps, leaves = (-0.6) ** t, (-1.0) ** t, (-1.3) ** t
print("at a rate of", lr, "w goes", roll(lr, 4))
""",
        picture=Picture("w", "The weight jumps from one side to the other, as far each time.", rows=5),
        say=("One weight in a bowl. At a rate of {lr} one step brings it to the bottom.",),
        question=Pick(
            ask=("At twice that rate, w …",),
            options=(
                Option(
                    "arrives later",
                    "abs(w[-1]) < 0.5",
                    "It never does: each step ends as far out as it began.",
                    picture="nears",
                ),
                Option("never arrives", "0.5 <= abs(w[-1]) <= 2", "So it is.", picture="keeps"),
                Option("flies off", "abs(w[-1]) > 2", "Not yet: at a rate a little higher still.", picture="leaves"),
            ),
            hints=(
                "The step is twice as long. How far past the bottom does it end?",
                "As far as it was before. Then the same again, from the other side.",
            ),
            rows=5,
        ),
        then="w = roll(2 * lr, 9)",
        reveal=("To and fro for ever: each step multiplies w by minus one.",),
    ),
    Step(
        name="the-edge",
        code="""
flat, steep = 0.4, 8.0
def valley(x, y): return (flat * x * x + steep * y * y) / 2
""",
        say=(
            "λ, the *curvature*, is how fast the slope grows: {lam:()} in that bowl. If lr · λ",
            "exceeds two, each step makes the weight larger: descent *diverges*.",
            "A valley has several curvatures: here {flat} along x and {steep} along y.",
        ),
        question=Number(
            ask=("Above which rate does descent diverge in this valley?",),
            answer="edge",
            hints=("Each weight has an edge of its own. Which is reached first?", "lr · {steep} = {two}"),
            mistakes=(
                Mistake("2 / flat", "That is x's edge. y has long diverged by then."),
                Mistake("1 / steep", "There y lands at the bottom in one step. It can bear more."),
                Mistake("2 / (flat + steep)", "That rate is the quickest. The edge lies a little above."),
                Mistake("4 / (flat + steep)", "It is not the mean curvature that counts: the steepest way goes first."),
                Mistake("steep / 2", "Upside down."),
                Mistake("2", "lr · λ is that at the edge. And lr?"),
            ),
            claim="1 - guess * steep",
            unforeseen="At that rate each step multiplies y by {claim}. At the edge that is minus one.",
        ),
        then="""
two, edge = 2, 2 / steep
for lr in (0.96 * edge, 1.04 * edge):
    way = plots.descend(valley, (4., 1.), lambda w: optim.SGD(w, lr), 60)
    print(f"rate {lr:.2f}: after 60 steps |y| is {abs(way[-1, 1]):.0e}")
""",
        reveal=("2/λ of the *steepest* way is the edge; at such a rate the flat ways crawl.",),
    ),
    Step(
        name="predicted-for-digits",
        code="""
from minidl import data, nn
digits = data.digits()
X, y = digits.images.reshape(-1, 64), digits.labels
N, images, labels = len(X), minidl.tensor(X), minidl.tensor(y)
wanted = minidl.tensor(np.eye(10, dtype="f")[y])
def loss(W, i=slice(None)):                 # of the examples i, or of all
    return ((images[i] @ W - wanted[i]) ** 2).sum(1).mean() / 2
v = minidl.tensor(np.random.default_rng(0).random((64, 10), dtype="f"))
for _ in range(20):                          # v turns to the steepest way
    Hv = minidl.func.hvp(loss, minidl.zeros(64, 10), v)
    lam = float(np.linalg.norm(Hv.data))     # where Hv is λ · v
    v = Hv / lam
print(f"λ = {lam:.2f}, so the edge should be at {2 / lam:.4f}")
""",
        say=(
            "{N} digits, one layer, squared errors. Multiply any v by the Hessian H,",
            "again and again: it turns to the steepest way, and there H · v is λ · v.",
        ),
        question=Choice(
            ask=("At a rate two parts in a hundred above that edge, the loss …",),
            options=(
                Option("falls all the same", "over < first", "The edge is sharper than that."),
                Option("stands still", "first <= over < 2 * first", "The edge is sharper than that."),
                Option("grows without end", "over >= 2 * first", "It does."),
            ),
            hints=("Each step multiplies the steepest way by a little more than one.", "And that {steps} times."),
        ),
        then="""
steps, first = 80, loss(minidl.zeros(64, 10)).item()
def move(optimizer, W, i=slice(None)):
    optimizer.zero_grad()
    loss(W, i).backward()
    optimizer.step()
def after(lr):
    W = minidl.zeros(64, 10, requires_grad=True)
    optimizer = optim.SGD([W], lr)
    for _ in range(steps): move(optimizer, W)
    return loss(W).item()
under, over = after(0.98 * 2 / lam), after(1.02 * 2 / lam)
print(f"2 % below: {first:.2f} → {under:.2f}   2 % above: {over:.0f}")
""",
        reveal=(
            "Known to two parts in a hundred, before a single step was made.",
            "(Squared errors of one layer have the same H everywhere. In a network it",
            "changes on the way, and one has to try.)",
        ),
    ),
    Step(
        name="epochs-and-steps",
        code="""
batch = 64
loader = data.DataLoader(digits, batch_size=batch)
""",
        say=(
            "Seldom does one step see all the data. *Stochastic* gradient descent, SGD,",
            "takes the gradient of a few examples, a *batch*, and steps at once.",
            "When each example has been in a batch once, an *epoch* is over.",
        ),
        question=Number(
            ask=("{N} digits, batches of {batch}: how many steps are an epoch?",),
            answer="len(loader)",
            hints=(
                "How many batches until each digit was in one?",
                "{N} / {batch}, and what is left over is a batch too.",
            ),
            mistakes=(
                Mistake("N // batch", "Some digits are left over. They make a last, smaller batch."),
                Mistake("N", "That would be with batches of a single digit."),
                Mistake("batch", "That is how many digits a step sees."),
                Mistake("1", "So it would be if a step saw all digits. It sees {batch}."),
                Mistake("N / batch", "Steps are whole: the last batch is a smaller one."),
            ),
            claim="guess * batch",
            unforeseen="{guess} batches of {batch} have room for {claim} digits.",
        ),
        then="""
sizes = [len(classes) for pictures, classes in loader]
last = sizes[-1]
print(sizes[:3], "...", sizes[-2:])
""",
        reveal=(
            "Epochs say how long a training was; steps do not, without the batch.",
            "(The last batch has {last} digits: a mean of all batches must count it less.)",
        ),
    ),
    Step(
        name="a-network",
        code="""
def train(make, batch=32, steps=115):        # → the loss on a third
    minidl.manual_seed(0)
    net = train.net = nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    def on(i): return F.cross_entropy(net(images[i]), labels[i])
    optimizer, rng = make(net.parameters()), np.random.default_rng(0)
    losses = []
    for step in range(steps):
        if step % 5 == 0: losses.append(on(slice(600)).item())
        optimizer.zero_grad()
        on(rng.integers(0, N, batch)).backward()
        optimizer.step()
    return losses + [on(slice(600)).item()]
F = nn.functional
classes, blind, good_rate = 10, np.log(10), 0.3
good = train(lambda p: optim.SGD(p, good_rate))
print("loss", round(good[0], 2), "→", round(good[-1], 2))
""",
        say=(
            "Now a network with a hidden layer, and every few steps its loss on a third",
            "of the digits. Knowing nothing costs ln {classes}, {blind:.2f}; a rate of {good_rate} does well.",
        ),
    ),
    Step(
        name="ten-times-too-high",
        code="""
t = np.arange(20)                              # three sketches
falls, stays, bursts = 0.6 ** t, 1 + 0.1 * np.sin(t), 1.3 ** t
""",
        picture=Picture("curves", "Too low falls slowly, good falls fast, too high stays at the top.", rows=10),
        say=("A rate of {good_rate} was good. Now one that is ten times as high.",),
        question=Pick(
            ask=("The loss, step after step …",),
            options=(
                Option("falls faster", "high[-1] < 1.2", "If only it did.", picture="falls"),
                Option("stays up", "1.2 <= high[-1] < 20", "So it does.", picture="stays"),
                Option(
                    "grows for ever", "not high[-1] < 20", "In a bowl it would. This is a network.", picture="bursts"
                ),
            ),
            hints=(
                "In a bowl the slope grows with the distance. And in a network with ReLU?",
                "Far out, most of its units are off for every digit. What can it still learn?",
            ),
            rows=5,
        ),
        then="""
high = train(lambda p: optim.SGD(p, 10 * good_rate))
on = (F.relu(train.net[0](images)).data > 0).any(0)
low = train(lambda p: optim.SGD(p, good_rate / 10))
curves = plots.loss_curves({"too low": low, "good": good,
    "too high": high}, every=5, title="Three rates")
print(len(on) - on.sum(), "of", len(on), "units are off for every digit")
""",
        reveal=(
            "A few long steps, and most units are off for all digits: no gradient comes",
            "through them, so they stay off. Too high a rate need not look like an",
            "explosion. To and fro at the top is too high; hardly falling, too low.",
        ),
    ),
    Step(
        name="the-sweep",
        code="""
rates = np.geomspace(0.001, 10, 9)             # evenly spaced in powers
makers = {"SGD": optim.SGD, "Adam": optim.Adam}
swept = {k: [train(lambda p: make(p, lr), steps=55)[-1] for lr in rates]
         for k, make in makers.items()}
best = {name: rates[np.argmin(found)] for name, found in swept.items()}
""",
        picture=Picture("sweep", "Two valleys: SGD's lowest place is at a higher rate than Adam's.", rows=9),
        say=("Many rates, a short run each. SGD is best at {best[SGD]:.2g}.",),
        question=Choice(
            ask=("Adam's best rate is …",),
            options=(
                Option("much lower", "best['Adam'] < best['SGD'] / 2", "Yes: its steps are as long as its rate says."),
                Option(
                    "the same", "0.5 <= best['Adam'] / best['SGD'] <= 2", "A rate means another thing in each of them."
                ),
                Option("much higher", "best['Adam'] > 2 * best['SGD']", "It walks the whole rate at each step."),
            ),
            hints=(
                "SGD walks rate times gradient, and gradients here are small. And Adam?",
                "Adam walks about the rate itself, in each weight.",
            ),
        ),
        then="""
sweep = plots.learning_rates(rates, swept, title="55 steps on the digits")
""",
        reveal=("No rate is good as such. Each has its own, a little below where it fails.",),
    ),
    Step(
        name="grid-or-random",
        code="""
def trial(lr, decay):            # decay: pulls the weights towards zero
    def make(p): return optim.SGD(p, lr, weight_decay=decay)
    return train(make, steps=40)[-1]
def spread(low, high, count): return np.geomspace(low, high, count)
""",
        say=(
            "Two settings to search: the rate, and another that hardly matters here.",
            "Nine runs. First a *grid*, three values of one with three of the other.",
        ),
        question=Number(
            ask=("How many different rates does the grid try?",),
            answer="len({lr for lr, decay in grid})",
            hints=("Nine runs, but how many columns has the grid?", "Three by three."),
            mistakes=(
                Mistake("9", "So many runs there are, but some share their rate."),
                Mistake("6", "Three rates, and three values of the other."),
                Mistake("1", "The grid varies both."),
                Mistake("2", "One more."),
            ),
            unforeseen="Count the columns of the grid.",
        ),
        then="""
grid = [(lr, decay) for lr in spread(0.001, 10, 3)
        for decay in spread(1e-6, 1e-2, 3)]
u = np.random.default_rng(0).random((9, 2))
drawn = [(1e-3 * 1e4 ** a, 1e-6 * 1e4 ** b) for a, b in u]  # in powers
lowest = [min(trial(*one) for one in some) for some in (grid, drawn)]
print("lowest loss: grid {:.2f}, random {:.2f}".format(*lowest))
""",
        reveal=(
            "Nine random draws try nine rates, and one comes near the best. Draw the",
            "power of ten evenly: of rates drawn evenly up to {rates[8]:.0f}, one in a hundred",
            "would be below a tenth.",
        ),
    ),
    Step(
        name="noise",
        code="""
W = minidl.zeros(64, 10, requires_grad=True)
def gradient(i):
    W.grad = None
    loss(W, i).backward()
    return W.grad.data.copy()
true, rng = gradient(slice(None)), np.random.default_rng(0)
def size(errors): return np.sqrt(np.mean([(e * e).sum() for e in errors]))
def off(batch):            # how far the gradients of such batches are off
    return size([gradient(rng.integers(0, N, batch)) - true
                 for _ in range(100)])
""",
        say=("Back to one layer. A batch only estimates the gradient. How far is it off?",),
        question=Choice(
            ask=("With batches four times as large, the error is …",),
            options=(
                Option("a quarter", "times > 3", "Single errors cancel, but not as fast as that."),
                Option("a half", "1.5 < times <= 3", "So it is."),
                Option("the same", "times <= 1.5", "More examples do tell more."),
            ),
            hints=("The errors of single examples partly cancel.", "The error of a mean of B falls with √B."),
        ),
        then="""
batches = (4, 16, 64, 256)
errors = [off(batch) for batch in batches]
for batch, error in zip(batches, errors):
    scaled = batch ** 0.5 * error
    print(f"B = {batch:<3}   error {error:.2f}   √B · error {scaled:.1f}")
times = errors[0] / errors[1]
""",
        reveal=("It falls with √B: four times the work for half the error.",),
    ),
    Step(
        name="small-batches",
        code="""
def one_epoch(batch):                        # at the better of two rates
    steps = len(data.DataLoader(digits, batch_size=batch))
    return steps, min(train(lambda p: optim.SGD(p, lr), batch, steps)[-1]
                      for lr in (0.3, 2))
small, large = 16, 512
""",
        say=(
            "The network again, for one epoch: with batches of {small}, or with batches of",
            "{large}, each at the better of two rates.",
        ),
        question=Choice(
            ask=("The same number of digits seen. Which ends lower?",),
            options=(
                Option("batches of {small}", "ends[small][1] < 0.8 * ends[large][1]", "Yes, by far."),
                Option(
                    "batches of {large}", "ends[large][1] < 0.8 * ends[small][1]", "Its gradients are better, but few."
                ),
                Option("about the same", "0.8 <= ends[small][1] / ends[large][1] <= 1.25", "Count the steps."),
            ),
            hints=("How many steps does each of them make?", "A hundred rough ones, or a handful of good ones."),
        ),
        then="""
ends = {batch: one_epoch(batch) for batch in (small, large)}
for batch, (count, end) in ends.items():
    print(f"B = {batch:<4} {count:4} steps   loss {end:.2f}")
""",
        reveal=(
            "Many rough steps beat a few good ones: a large batch repeats much of what",
            "a small one knows. But machines work on many examples side by side: up to",
            "some size a larger batch takes hardly longer.",
        ),
    ),
    Step(
        name="a-calm-velocity",
        code="""
mu, batch, v, rest = 0.9, 4, 0.0, []
few, some, many = 2, 10, 20
for step in range(500):                      # W stays where it is
    v = mu * v + (1 - mu) * gradient(rng.integers(0, N, batch))
    if step > 50: rest.append(v - true)      # v has forgotten its zero
""",
        say=(
            "Lecture notes say that momentum allows for smaller batches, and ask why.",
            "Take v as a mean of the gradients, v ← μ · v + (1 − μ) · gradient: it is",
            "calmer than each of them. Here batches of {batch}, μ = {mu}.",
        ),
        question=Choice(
            ask=("Its error is that of a batch how many times as large?",),
            options=(
                Option("{few}", "worth < 5", "Its memory is longer."),
                Option(
                    "{some}", "5 <= worth < 13", "About so many it remembers well. But older ones count a little, too."
                ),
                Option("{many}", "worth >= 13", "About so many."),
            ),
            hints=(
                "How many gradients does v have in it, more or less?",
                "Ten of them, and what came before those counts as well: theory says {theory:.0f}.",
            ),
        ),
        then="""
worth = (errors[0] / size(rest)) ** 2
theory = (1 + mu) / (1 - mu)
print(f"{worth:.0f} times as large; theory says {theory:.0f}")
""",
        reveal=(
            "So far the notes are right: where W stands still, each step points as if",
            "the batch were larger.",
        ),
    ),
    Step(
        name="where-it-settles",
        code="""
lowest = np.linalg.lstsq(X, wanted.data, rcond=None)[0]
floor = loss(minidl.tensor(lowest)).item()
def settles(lr, mu, batch):              # so far above the lowest loss
    W, above = minidl.tensor(lowest, requires_grad=True), []
    optimizer = optim.SGD([W], lr, mu)
    for step in range(240):
        move(optimizer, W, rng.integers(0, N, batch))
        if step % 5 == 4: above.append(loss(W).item() - floor)
    return np.mean(above[20:])
plain, larger = settles(0.05, 0, batch), settles(0.05, 0, 19 * batch)
print(f"B = {batch}: {plain:.4f} above   B = {19 * batch}: {larger:.4f}")
""",
        say=(
            "Does training settle lower, too? At a fixed rate SGD never rests: above is",
            "how far over the lowest loss it jitters. Now momentum with B = {batch}, at a",
            "tenth of the rate, as it sums up ten gradients.",
        ),
        question=Choice(
            ask=("It settles …",),
            options=(
                Option("as the large batch does", "ratio < 0.25", "The calm is only borrowed."),
                Option("as B = {batch} does", "0.25 <= ratio < 2.5", "It does, or nearly."),
                Option("higher", "ratio >= 2.5", "So it would at the full rate."),
            ),
            hints=("Is any gradient left out, or does it only arrive later?", "In all, each moves W as far as before."),
        ),
        then="""
ball = settles(0.005, mu, batch)
ratio = ball / plain
print(f"momentum, B = {batch}: {ball:.4f} above")
""",
        reveal=(
            "Momentum spreads a batch's error over many steps and removes hardly any.",
            "What it buys is speed in a narrow valley, where noise does not rule.",
        ),
    ),
    Step(
        name="on-a-plateau",
        code="""
def run(schedule_of, watches=False):           # one layer, 12 epochs
    W = minidl.zeros(64, 10, requires_grad=True)
    optimizer, rng = optim.SGD([W], lr=0.18), np.random.default_rng(0)
    schedule, found, used = schedule_of(optimizer), [], []
    for epoch in range(12):
        for i in np.array_split(rng.permutation(N), 28):
            move(optimizer, W, i)
        found.append(loss(W).item())
        used.append(optimizer.param_groups[0]["lr"])
        schedule.step(found[-1]) if watches else schedule.step()
    return found, used
""",
        picture=Picture("jump", "The loss jumps up and down for epochs, then drops at once and stays low.", rows=8),
        say=(
            "And what removes it? The recipes of well-known networks wait for a",
            "*plateau*, where the loss falls no more, and divide the rate by ten.",
        ),
        question=Choice(
            ask=("The loss then …",),
            options=(
                Option("goes on as before", "fell < 0.01", "It was the rate that kept it up."),
                Option("drops at once", "fell >= 0.02", "It does."),
                Option(
                    "falls, but more slowly", "0.01 <= fell < 0.02", "So it would if it were still on its way down."
                ),
            ),
            hints=(
                "What keeps the loss up: is it not yet there, or does it jitter?",
                "It jitters, the more the higher the rate.",
            ),
        ),
        then="""
from minidl.optim import lr_scheduler as schedules
def plateau(optimizer): return schedules.ReduceLROnPlateau(
    optimizer, factor=0.1, patience=3, threshold=0.01)
found, used = run(plateau, watches=True)
k = int(np.argmin(np.diff(used))) + 1          # first at a lower rate
fell = np.mean(found[k - 3:k]) - found[k]
jump = plots.loss_curves({"loss": found}, step_name="epoch")
""",
        reveal=("Such drops in the loss curves of papers are where the rate was divided.",),
    ),
    Step(
        name="schedules",
        code="""
def constant(optimizer): return schedules.ConstantLR(optimizer, factor=1)
def cosine(optimizer): return schedules.CosineAnnealingLR(optimizer, 12)
runs = {"constant": run(constant), "plateau": (found, used),
        "cosine": run(cosine)}
seen = [{name: one[k] for name, one in runs.items()} for k in (0, 1)]
schedule = plots.loss_curves(*seen, step_name="epoch", title="Schedules")
""",
        picture=Picture(
            "schedule", "Above the losses, below their rates: where the rate falls, so does the loss.", rows=13
        ),
        say=(
            "Large steps to get there, small ones to settle: that is a *schedule*.",
            "*Cosine* lowers the rate from the start, along half a wave of a cosine.",
        ),
    ),
    Step(
        name="by-hand",
        say=(
            "Now write the rule that watches: after each epoch comes its loss. Once",
            "patience epochs in a row have brought no new lowest loss, divide lr by",
            "ten, and begin to count afresh. So far the file never divides.",
        ),
        question=Program(
            ask=("Give the rate after each epoch, and match minidl's.",),
            file="""
def rates(losses, lr=1.0, patience=3):
    lowest, waited, found = float("inf"), 0, []
    for loss in losses:
        if loss < lowest:
            lowest = loss
        found.append(lr)
    return found
""",
            given="""
def minidls(losses, patience=3):
    optimizer = minidl.optim.SGD([minidl.scalar(0.0)], lr=1.0)
    schedule = minidl.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.1, patience=patience - 1, threshold=0.0)
    found = []
    for loss in losses:
        schedule.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    return found
STUCK, LONG = [2, 1, 1.3, 1.1, 1.2], [2, 1, 1.3, 1.1, 1.2, 1.3, 1.2, 1.1, 0.9, 1.0]
""",
            checks=(
                Check("len(rates(STUCK))", "len(STUCK)", "one rate after each epoch, please; {got} came."),
                Check(
                    "rates([5, 4, 3, 2, 1])",
                    "minidls([5, 4, 3, 2, 1])",
                    "the loss fell in every epoch, and still the rate went {got}.",
                ),
                Check(
                    "rates(STUCK)",
                    "minidls(STUCK)",
                    "on a plateau the rate went {got}; minidl's went {want}.",
                    (
                        Mistake("[1] * 5", "the second loss was the lowest, three more came, and the rate stays."),
                        Mistake("[1, 1, 1, 0.1, 0.1]", "one epoch too early: three must pass without a new lowest."),
                        Mistake("[1, 1, 0.1, 0.01, 0.001]", "it divides at every epoch that is no lower. Count three."),
                    ),
                ),
                Check(
                    "rates(LONG)",
                    "minidls(LONG)",
                    "in a longer run the rate went {got}; minidl's went {want}.",
                    (
                        Mistake(
                            "[1] * 4 + [0.1, 0.01, 0.001, 1e-4, 1e-4, 1e-4]",
                            "after the first division it divides at every epoch: count afresh.",
                        ),
                        Mistake("[1] * 4 + [0.1] * 6", "it divides once and never again: count afresh."),
                    ),
                ),
                Check(
                    "rates([1, 1, 1], patience=2)",
                    "minidls([1, 1, 1], patience=2)",
                    "with a patience of two and three equal losses the rate went {got}; minidl's went {want}.",
                ),
            ),
            hints=(
                "A new lowest loss sets waited to zero; any other adds one.",
                "When waited reaches patience: divide lr by ten, and set waited to zero.",
            ),
            solution="""
def rates(losses, lr=1.0, patience=3):
    lowest, waited, found = float("inf"), 0, []
    for loss in losses:
        if loss < lowest:
            lowest, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            lr, waited = lr / 10, 0
        found.append(lr)
    return found
""",
        ),
        reveal=("That is ReduceLROnPlateau; its own patience counts one epoch less.",),
    ),
    Step(
        name="what-comes-next",
        code="""
for name, A in ("as they are", X), ("less their mean", X - X.mean(0)):
    lam = np.linalg.eigvalsh(A.T @ A / N)[-1]   # H of squared errors
    print(f"digits {name:16} λ {lam:5.2f}   edge {2 / lam:.2f}")
""",
        say=(
            "λ belongs to the loss, and the loss is made of the data. Take the mean",
            "image away from every digit, and the steepest way is no longer so steep:",
            "steps may be many times as long, and nothing else was changed.",
            "",
            "What to do to inputs before training begins: lesson eight, Inputs.",
        ),
    ),
)

RATES = Lesson(
    number=7,
    name="rates",
    title="Learning rate and batches",
    promise="Say where descent diverges, read loss curves, and know a batch's worth.",
    minutes=18,
    version=1,
    steps=STEPS,
    follows="inputs",
    read=(
        "LeCun, Bottou, Orr and Müller (1998), Efficient BackProp: lr and λ.",
        "Bergstra, Bengio (2012), Random search for hyper-parameter optimization.",
        "Shallue et al. (2019), Measuring the effects of data parallelism on",
        "  neural network training: batches, and momentum.",
        "Cohen et al. (2021), Gradient descent on neural networks typically",
        "  occurs at the edge of stability.",
    ),
)
