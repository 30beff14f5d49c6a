"""Lesson 6, Descent: four optimizers race down a valley, and the updates that lecture notes print differently are run."""

from __future__ import annotations

from ..lesson import Check, Choice, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="which-way-is-down",
        code="""
import minidl, numpy as np
from minidl import optim; from viz import plots
kappa, start = 100, (-4.0, 1.0)
def loss(x, y): return (x * x + kappa * y * y) / 2
frame = dict(x_range=(-5, 1), y_range=(-2.25, 2.25), levels=6,
             axes_names=("x", "y"))
valley = plots.contours(loss, {"start": [start]}, **frame)
""",
        picture=Picture("valley", "A narrow valley seen from above; lines of equal loss run along it.", rows=7),
        say=(
            "A loss over two weights, x and y, from above: each line joins places of",
            "equal loss. Steep in y, nearly flat in x; at the bottom both are zero.",
        ),
        question=Choice(
            ask=("From the mark on the left, the steepest way down goes …",),
            options=(
                Option(
                    "straight at the bottom",
                    "2 < abs(way[0] / way[1]) < 8",
                    "One would wish it. A slope knows only the ground underfoot.",
                ),
                Option("along the valley", "abs(way[0]) > 20 * abs(way[1])", "The floor is nearly level there."),
                Option("across the valley", "abs(way[1]) > 3 * abs(way[0])", "So it does."),
            ),
            hints=(
                "Along a line of equal loss nothing falls. Which way leaves it fastest?",
                "In the loss y² counts {kappa} times as much as x². Which is better to shrink?",
            ),
        ),
        then="""
path = plots.descend(loss, start, lambda w: optim.SGD(w, lr=0.019), 25)
way = path[1] - path[0]
valley = plots.contours(loss, {"descent": path}, **frame)
""",
        reveal=(
            "Steepest is at right angles to the line one stands on. Step after step",
            "of that is *gradient descent*: here it goes to and fro between the walls.",
        ),
    ),
    Step(
        name="one-step",
        code="""
x, y, lr = minidl.scalar(-4.0), minidl.scalar(1.0), 0.019
optimizer = optim.SGD([x, y], lr=lr)
optimizer.zero_grad()              # forget the gradients of before
loss(x, y).backward()              # the new ones
y_before, dy = y.item(), y.grad.item()
print("gradients: x", x.grad.item(), "  y", dy)
""",
        say=(
            "One step of it, written out. The gradient says which way is up and how",
            "steep it is; the *learning rate* lr says how much of it to walk:",
            "                    w ← w − lr · gradient",
        ),
        question=Number(
            ask=("y is {y_before}. After the step, y = ?",),
            answer="y",
            hints=("lr · gradient, taken away from where y is.", "{y_before} − {lr} · {dy}"),
            mistakes=(
                Mistake("y_before + lr * dy", "That is uphill. The gradient points up: take it away."),
                Mistake("-lr * dy", "That is the step. Where does y stand after it?"),
                Mistake("lr * dy", "That is how far it walks. Where does y stand after it?"),
                Mistake("y_before - lr", "You took away the rate. The step is rate times gradient."),
                Mistake("y_before - dy", "That takes the whole gradient away. The rate lets it walk a part of it."),
                Mistake("x_after", "That is x after the step."),
            ),
            unforeseen="Not that. It starts at {y_before} and walks {lr} · {dy} downhill.",
        ),
        then="""
optimizer.step()                   # w ← w − lr · gradient, for each one
x_after = x.item()
print("x is", round(x_after, 4), "  y is", round(y.item(), 4))
""",
        reveal=(
            "y jumped over the floor to the other wall; x has hardly moved.",
            "One rate for both slopes: with a larger one, y would climb the walls.",
        ),
    ),
    Step(
        name="who-wins",
        code="""
makers = {"descent": optim.SGD,
          "momentum": lambda w, lr: optim.SGD(w, lr, momentum=0.9),
          "Adam": optim.Adam, "RMSProp": optim.RMSprop}
steps, rates = 40, (0.005, 0.01, 0.019, 0.1, 0.3)
def race(loss, start):                    # each at the best of the rates
    best = {}
    for name, make in makers.items():
        ways = [plots.descend(loss, start, lambda w: make(w, lr), steps)
                for lr in rates]
        best[name] = min(ways, key=lambda way: loss(*way[-1]))
    return best
""",
        say=(
            "Three *optimizers* that want to do better, in a line each:",
            "  *momentum*   a ball: each step keeps most of the step before",
            "  *RMSProp*    divides each weight's gradient by its usual size",
            "  *Adam*       both at once",
        ),
        question=Choice(
            ask=("Each runs at the best of these rates. Who is lowest after {steps} steps?",),
            options=(
                Option("gradient descent", "winner == 'descent'", "It is last, and still on its way."),
                Option("momentum", "winner == 'momentum'", "It is far ahead of plain descent, but not first."),
                Option("Adam", "winner == 'Adam'", "The best known of them is not the fastest here."),
                Option("RMSProp", "winner == 'RMSProp'", "It is, by far."),
            ),
            hints=(
                "The trouble is that y is so much steeper than x. Who can level that out?",
                "Dividing each gradient by its own size makes both weights equally quick.",
            ),
        ),
        then="""
def told(left): return ", ".join(f"{k} {v:.0e}" for k, v in left.items())
ways = race(loss, start)
left = {name: loss(*way[-1]) for name, way in ways.items()}
winner = min(left, key=left.get)
print("loss left:", told(left))
""",
        reveal=("(Other rates may swap momentum and Adam.) Their paths come next.",),
    ),
    Step(
        name="the-race",
        code="""
finish = plots.contours(loss, ways, **frame,
                        title=f"{steps} steps, each at its best rate")
""",
        picture=Picture(
            "finish", "Descent zigzags, momentum and Adam swing, RMSProp is at the bottom at once.", rows=14
        ),
        say=(
            "Divided by their sizes, both slopes are alike: RMSProp walked in x as fast",
            "as in y. Momentum and Adam swing; descent is still on its way.",
            "Remember this picture. It will not last.",
        ),
    ),
    Step(
        name="a-ball",
        code="""
t = np.arange(25)                              # three sketches
slides, jumps = 0.9 ** t, (-0.8) ** t[:9]
swings = 0.95 ** t * np.cos(t / 3)
""",
        picture=Picture("w", "The weight runs past the bottom, comes back, and swings ever less.", rows=6),
        say=(
            "Now one by one, momentum first. A single weight w, in a bowl whose bottom",
            "is at zero: plain descent slides down and stops there.",
        ),
        question=Pick(
            ask=("With momentum, at the same rate, w …",),
            options=(
                Option("slides", "passes == 0", "So it goes without momentum.", picture="slides"),
                Option("jumps", "passes > 8", "So it goes when the rate is too high.", picture="jumps"),
                Option("swings", "0 < passes <= 8", "It does.", picture="swings"),
            ),
            hints=("What does a heavy ball do at the bottom of a bowl?", "It still has its speed there."),
        ),
        then="""
def bowl(w, other): return w * w / 2
def heavy(params): return optim.SGD(params, lr=0.1, momentum=0.9)
w = plots.descend(bowl, (1.0, 0.0), heavy, 24)[:, 0]
passes = int((w[1:] * w[:-1] < 0).sum())       # how often it crosses zero
""",
        reveal=(
            "A ball rolls on: it arrives at full speed, runs past and comes back.",
            "Along a valley that speed is welcome; at its end it costs some steps.",
        ),
    ),
    Step(
        name="speed",
        code="""
def walk(make, gradients, rates):              # of one weight, from zero
    w, places = minidl.scalar(0.0), []
    optimizer = make([w], lr=rates[0])
    for g, lr in zip(gradients, rates):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        (g * w).backward()                     # so that the gradient is g
        optimizer.step()
        places.append(w.item())
    return places
mu, lr, g = 0.9, 0.1, 1
def ball(w, lr): return optim.SGD(w, lr, momentum=mu)
print([round(w, 4) for w in walk(ball, [g] * 3, [lr] * 3)])
""",
        say=(
            "A ball has a *velocity*:   v ← μ · v + gradient     w ← w − lr · v",
            "Above is w on an even slope, gradient {g}, with μ = {mu}: its steps grow.",
        ),
        question=Number(
            ask=("If the slope never ends, towards which number does v grow?",),
            answer="v",
            hints=("When v no longer changes, v = μ · v + gradient.", "v · {rest:.1f} = {g}"),
            mistakes=(
                Mistake("g", "A mean of the gradients would be that. But μ · v comes on top of each."),
                Mistake("mu", "That is μ. To μ · v a whole gradient is added each time."),
                Mistake("mu + g", "That is v after two steps. It has not done growing."),
                Mistake("mu ** 2 + mu + g", "That is v after three steps. It has not done growing."),
                Mistake("mu / rest", "That is what the past brings, μ · v. The new gradient is added."),
                Mistake("rest", "That is what μ lacks to a whole. One gradient in all weighs that much."),
            ),
            claim="mu * guess + g",
            unforeseen="If v were {guess}, the next v would be {claim}: still on the move.",
        ),
        then="""
places, rest = walk(ball, [g] * 300, [lr] * 300), 1 - mu
v = (places[-2] - places[-1]) / lr
""",
        reveal=(
            "{v}: each gradient is felt for about that many steps. Notes call v a",
            "weighted *average* of gradients; that would take (1 − μ) · gradient. As it",
            "is, momentum walks {v} times as far here as descent at the same rate.",
        ),
    ),
    Step(
        name="two-forms",
        code="""
falling = [0.1, 0.1, 0.01, 0.01]               # the rate, step by step
def velocity(w, lr): return optim.SGD(w, lr, momentum=mu)
def displacement(w, lr): return optim.HeavyBall(w, lr, momentum=mu)
even = [0.1] * 4
print(np.round(walk(velocity, [g] * 4, even), 4))
print(np.round(walk(displacement, [g] * 4, even), 4))
""",
        say=(
            "Lecture notes disagree, and both versions are in use:",
            "  velocity        v ← μ · v + gradient         w ← w − lr · v",
            "  displacement    v ← μ · v − lr · gradient    w ← w + v",
            "At a constant rate they agree: see above. Now let the rate fall to a tenth",
            "after two steps.",
        ),
        question=Choice(
            ask=("In the steps that follow …",),
            options=(
                Option(
                    "both slow down at once", "abs(slow[0] - slow[1]) < 0.01", "Look where the rate stands in each."
                ),
                Option("velocity walks on", "slow[0] > slow[1] + 0.1", "Its rate multiplies all of v, old and new."),
                Option("displacement walks on", "slow[1] > slow[0] + 0.1", "It does: old steps live on in its v."),
            ),
            hints=("In which of the two is the old rate still inside v?", "In the second: its v is made of steps."),
        ),
        then="""
ends = [walk(make, [g] * 4, falling) for make in (velocity, displacement)]
slow = [way[1] - way[3] for way in ends]       # in the last two steps
for name, way in zip(("velocity", "displacement"), ends):
    print(f"{name:13}", np.round(way, 5))
""",
        reveal=(
            "displacement walks another {slow[1]:.4f}, velocity {slow[0]:.4f}: v kept the old rate.",
            "minidl and PyTorch have velocity; displacement is optim.HeavyBall.",
        ),
    ),
    Step(
        name="narrow-valleys",
        code="""
def count(kappa, lr, mu=0.0):          # steps until both are below 1e-6
    w = minidl.tensor([1., 1.], dtype=minidl.float64, requires_grad=True)
    steep, steps = np.array([1., kappa]), 0
    optimizer = optim.SGD([w], lr, mu)
    while np.hypot(*w.data) > 1e-6:
        optimizer.zero_grad()
        ((steep * w * w).sum() / 2).backward()
        optimizer.step()
        steps += 1
    return steps
def plain(k): return count(k, 2 / (1 + k))
one, alone = 1, plain(kappa)
""",
        say=(
            "κ, the *condition number*, says how many times steeper a valley is one way",
            "than the other: {kappa} here. Even at its best rate plain descent, starting at",
            "x = y = {one}, takes {alone} steps to come within a millionth of the bottom.",
        ),
        question=Choice(
            ask=("Momentum, at its best rate and best μ, needs …",),
            options=(
                Option("half as many", "0.35 < ratio < 0.7", "Fewer still."),
                Option("a seventh", "0.1 < ratio < 0.2", "About that."),
                Option("a seventieth", "ratio < 0.05", "Then κ would hardly count. It still does."),
            ),
            hints=(
                "It averages the zigzag away, but κ still counts.",
                "Its steps grow with √κ, those of descent with κ.",
            ),
        ),
        then="""
def ball(k, r): return count(k, 4 / (r + 1) ** 2, ((r-1) / (r+1)) ** 2)
for k in (kappa // 4, kappa):
    print(f"κ = {k:<5} plain {plain(k):<6} momentum {ball(k, k ** 0.5)}")
ratio = ball(kappa, kappa ** 0.5) / alone
""",
        reveal=("κ four times as large costs four times the steps; with momentum twice: √κ.",),
    ),
    Step(
        name="level-the-slopes",
        code="""
w = [minidl.scalar(v) for v in start]
alpha, lr = 0.99, 0.1
optimizer = optim.RMSprop(w, lr=lr, alpha=alpha)
loss(*w).backward()
slopes = [p.grad.item() for p in w]
steeper = abs(slopes[1] / slopes[0])
print("gradients: x", slopes[0], "  y", slopes[1])
""",
        say=(
            "*RMSProp* keeps for each weight s, a running mean of its squared gradient:",
            "  s ← α · s + (1 − α) · gradient²       w ← w − lr · gradient / (√s + ε)",
            "ε is tiny and keeps it from dividing by zero. s begins at zero. Step one:",
        ),
        question=Number(
            ask=("y's gradient is {steeper} times x's. y's step is how many times x's?",),
            answer="times",
            hints=(
                "What is √s right after the first gradient, for either weight?",
                "√s is the gradient's size times √(1 − α), for both. Divide the gradient by it.",
            ),
            mistakes=(
                Mistake("steeper", "So it is in plain descent. Here each gradient is divided by its own √s."),
                Mistake("1 / steeper", "So much is y divided more than x. But its gradient is larger, too."),
                Mistake("steeper ** 0.5", "s holds the square, and its root is taken: the size itself."),
                Mistake("steeper ** 2", "That is how s differs. Its root divides the gradient."),
                Mistake("kappa", "That is how much steeper the valley is. What becomes of it when divided by √s?"),
                Mistake("0", "y does walk: its gradient is not zero."),
            ),
            unforeseen="Not that. Divide {slopes[1]} by its own size, and {slopes[0]} by its own.",
        ),
        then="""
optimizer.step()
walked = [abs(p.item() - v) for p, v in zip(w, start)]
times = round(walked[1] / walked[0], 4)
print("walked: x", round(walked[0], 4), "  y", round(walked[1], 4))
longer = plots.descend(loss, start, lambda w: optim.RMSprop(w, 0.3), 400)
away = max(loss(*w) for w in longer[100:])
print(f"race: loss {left['RMSProp']:.0e}, later up to {away:.0e}")
""",
        reveal=(
            "Equal: only the signs count at first, and the valley looks round to it.",
            "(Both walked {walked[0]:.3g}, not {lr}: s began at zero and is still too small.)",
            "But s forgets. At the bottom gradients are small, so √s shrinks until the",
            "steps are long again: the winner, run on, leaves. It needs a falling rate.",
        ),
    ),
    Step(
        name="both-at-once",
        code="""
lr, g, beta1, beta2 = 0.001, 500.0, 0.9, 0.999
""",
        say=(
            "*Adam* keeps a running mean m of the gradient, and one of its square, v",
            "(no velocity here: it is the s of RMSProp):",
            "  m ← β₁ · m + (1 − β₁) · gradient       m̂ = m / (1 − β₁ᵗ)",
            "  v ← β₂ · v + (1 − β₂) · gradient²      v̂ = v / (1 − β₂ᵗ)",
            "  w ← w − lr · m̂ / (√v̂ + ε)              t counts the steps from one",
            "Both means begin at zero; the hats make up for what they still lack.",
        ),
        question=Number(
            ask=("The first gradient is {g}. How far does Adam's first step go?",),
            answer="first",
            hints=("At the first step, what is m̂? And v̂?", "m̂ = {g}, v̂ = {g}², and lr = {lr}."),
            mistakes=(
                Mistake("lr * g", "That is plain descent. Adam divides by the gradient's size."),
                Mistake("lr * (1 - beta1) * g", "That is lr · m. It is corrected, and divided by √v̂."),
                Mistake(
                    "lr * (1 - beta1) / (1 - beta2) ** 0.5", "That is without the hats: m and v are still too small."
                ),
                Mistake("lr * (1 - beta1)", "m̂, not m: the hat undoes (1 − β₁) at the first step."),
                Mistake("lr / g", "You divided twice. m̂ has one gradient in it, √v̂ one."),
                Mistake("1", "m̂ / √v̂ is that. It is multiplied by lr."),
            ),
            unforeseen="Not that. m̂ / √v̂ is {g} divided by {g}.",
        ),
        then="""
def first_step(g): return round(-walk(optim.Adam, [g], [lr])[0], 6)
first = first_step(g)
print({g: first_step(g) for g in (500.0, 1.0, 0.002)})
""",
        reveal=(
            "The rate itself, whatever the gradient's size: only its sign counted.",
            "A rate that served one loss serves the same loss times a thousand.",
        ),
    ),
    Step(
        name="as-printed",
        code="""
from minidl.optim import literal            # as slides print them
def lengths(make, g, count=1):                 # of so many steps
    places = walk(make, [g] * count, [lr] * count)
    return np.abs(np.diff([0.0, *places]))
def four(make): return lengths(make, 1.0, 2000)[[0, 1, 2, -1]]
right = four(optim.Adam)
print("step      ", "first      second     third      2000th")
print("as above  ", *(f"{v:.7f} " for v in right))
""",
        say=(
            "One deck of lecture slides corrects Adam's means differently:",
            "  m̂ = m / (1 − β₁)     v̂ = v / (1 − β₂)",
            "without the power t, and with the m and v of *before* this gradient.",
            "(Its ε is elsewhere, too: that comes next.)",
        ),
        question=Choice(
            ask=("As printed, the first step is …",),
            options=(
                Option("as above", "abs(printed[0] - lr) < lr / 10", "That would be m̂ = m / (1 − β₁) with the new m."),
                Option("longer", "printed[0] > 1.1 * lr", "Without any correction it is. But this m is the old one."),
                Option("nothing at all", "printed[0] < lr / 10", "Yes."),
            ),
            hints=("What is m before the first gradient?", "Zero, and zero divided by anything is zero."),
        ),
        then="""
printed, none = four(literal.AdamPrinted), four(literal.AdamUncorrected)
print("as printed", *(f"{v:.7f} " for v in printed))
print("no hats   ", *(f"{v:.7f} " for v in none))
""",
        reveal=(
            "The old m is zero: a gradient was computed, and the weight stays. Then",
            "steps are too long, and in the end too short: these hats never come off.",
            "With no hats at all they are too long at first and right in the end.",
            "Kingma and Ba's paper has the power, and the new m.",
        ),
    ),
    Step(
        name="where-epsilon-stands",
        code="""
eps, tiny = 1e-8, 1e-9
""",
        say=(
            "And ε: of two slides in a row, one prints √(s + ε), the next √s + ε.",
            "Usually ε = {eps}, which looks like nothing in either place.",
            "Take a weight whose gradients are {tiny}, and Adam at a rate of {lr}.",
        ),
        question=Choice(
            ask=("The weight moves further with ε …",),
            options=(
                Option("outside the root", "outside > 2 * inside", "Yes."),
                Option("inside the root", "inside > 2 * outside", "Outside: there ε is compared with √s."),
                Option("the same either way", "0.5 < inside / outside < 2", "For large gradients it is so."),
            ),
            hints=(
                "Under the root, ε is compared with the gradient's square.",
                "√ε is {root}, and {tiny} is far less.",
            ),
        ),
        then="""
root = eps ** 0.5
pair = optim.Adam, literal.AdamEpsInside
print("gradient  Adam: outside    inside  RMSProp: outside    inside")
for g in (1.0, 1e-3, 1e-6, tiny):
    outside, inside = (lengths(make, g)[0] for make in pair)
    a, b = (lengths(make, g)[0] for make in (optim.RMSprop,
                                             literal.RMSpropInside))
    print(f"{g:8.0e} {outside:14.2e}  {inside:.2e} {a:17.2e}  {b:.2e}")
""",
        reveal=(
            "Inside, ε acts as √ε = {root}: weights with smaller gradients than that",
            "hardly learn. Kingma and Ba, minidl and PyTorch have it outside.",
        ),
    ),
    Step(
        name="turned",
        code="""
c = 0.5 ** 0.5                                 # the same valley, turned
def turned(x, y): return loss(c * (x + y), c * (y - x))
start = (c * (start[0] - start[1]), c * (start[0] + start[1]))
frame["y_range"] = (-4, 0.5)
valley = plots.contours(turned, {"start": [start]}, **frame)
""",
        picture=Picture("valley", "The valley runs from the lower left to the upper right now.", rows=9),
        say=("One more race. The valley lies at an angle; nothing else has changed.",),
        question=Choice(
            ask=("Who wins now?",),
            options=(
                Option("gradient descent", "winner == 'descent'", "It does just what it did before."),
                Option("momentum", "winner == 'momentum'", "It does, without having changed."),
                Option("Adam", "winner == 'Adam'", "It suffers as RMSProp does, for the same reason."),
                Option("RMSProp", "winner == 'RMSProp'", "It has lost all that it won by."),
            ),
            hints=(
                "Who of the four treats each weight by itself?",
                "RMSProp and Adam do. But now both weights are steep and flat at once.",
            ),
        ),
        then="""
ways = race(turned, start)
now = {name: turned(*way[-1]) for name, way in ways.items()}
winner = min(now, key=now.get)
valley = plots.contours(turned, ways, **frame, title="The valley turned")
print("before:", told(left))
print("turned:", told(now))
""",
        reveal=(
            "Descent and momentum follow the gradient wherever it points: they did as",
            "before. RMSProp and Adam rescale weight by weight, and now no weight is",
            "the steep one: each is steep and flat at once.",
        ),
    ),
    Step(
        name="second-order",
        code="""
w = minidl.tensor(start, dtype=minidl.float64, requires_grad=True)
def height(w): return turned(w[0], w[1])
print(minidl.func.hessian(height)(w).data.round(2))
""",
        say=(
            "Nudge x, then y: how fast does the *gradient* change? Those rates make a",
            "matrix, the *Hessian* H; above is that of the turned valley.",
            "*Newton's method* takes the step d with H · d = −gradient: there the",
            "gradient is zero, if H is the same all the way.",
        ),
        question=Number(
            ask=("How many such steps to the bottom of the turned valley?",),
            answer="needed",
            hints=("Where does H change in this valley?", "Nowhere: the loss has squares only. So the aim is exact."),
            mistakes=(
                Mistake("2", "One for each weight? A step moves both at once."),
                Mistake("0", "It does not begin there."),
                Mistake("kappa", "κ does not matter to it: H knows how steep each way is."),
                Mistake("kappa ** 0.5", "That is what momentum is slow by. H knows how steep each way is."),
                Mistake("steps", "As many as in the race? H knows how steep each way is."),
            ),
            unforeseen="Not that. H is the same everywhere here, so the aim does not miss.",
        ),
        then="""
optimizer, needed = optim.NewtonCG([w], tolerance=1e-9), 0
while height(w).item() > 1e-9:
    optimizer.step(lambda: height(w))
    needed += 1
v = minidl.tensor([1., 0.], dtype=minidl.float64)
print("H · v by itself:", minidl.func.hvp(height, w, v).data.round(2))
lenet = 61_706 ** 2
""",
        reveal=(
            "One. But LeNet's H has {lenet} entries. So one computes products",
            "H · v only, each at the price of a gradient or two, and finds d from",
            "several of them, by *conjugate gradients*. Where H changes it takes more",
            "steps, and each may cost dozens of Adam's.",
        ),
    ),
    Step(
        name="by-hand",
        say=(
            "Now write it: Adam for one weight that starts at zero. So far the file",
            "keeps m and steps by lr · m.",
        ),
        question=Program(
            ask=("Make it Adam, as in the paper, and match minidl's.",),
            file="""
def adam(gradients, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    w = m = v = 0.0
    places = []
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        w = w - lr * m
        places.append(w)
    return places
""",
            given="""
def places(make, gradients):
    w = minidl.scalar(0.0)
    optimizer, found = make([w], lr=0.001), []
    for g in gradients:
        optimizer.zero_grad()
        (g * w).backward()
        optimizer.step()
        found.append(w.item())
    return np.array(found)
adam_, literal = minidl.optim.Adam, minidl.optim.literal
MIXED = [1.0, -2.0, 0.5, 3.0, 0.1]
""",
            checks=(
                Check("len(adam(MIXED))", "len(MIXED)", "one place after each gradient, please; {got} came."),
                Check(
                    "adam([1.0])",
                    "places(adam_, [1.0])",
                    "after one gradient of one, w is {got}; minidl's is {want}.",
                    (
                        Mistake("[-0.0001]", "that is lr · m. m̂ is m / (1 − β₁ᵗ), and √v̂ + ε divides it."),
                        Mistake("[-0.001 * 0.001**0.5]", "v takes in (1 − β₂) of the square, not all of it."),
                        Mistake("[-0.001 / 0.001**0.5]", "v is not corrected yet: it wants a hat as well."),
                        Mistake("[-0.001 * 0.1 / 0.001]", "m is divided by v. Take the root of v̂."),
                        Mistake("places(literal.AdamUncorrected, [1.0])", "m and v are not corrected yet: the hats."),
                        Mistake("places(literal.AdamPrinted, [1.0])", "nothing moved: m must take g in first."),
                        Mistake("[0.001]", "right length, wrong way: downhill is minus."),
                    ),
                ),
                Check(
                    "np.iscomplexobj(adam(MIXED))",
                    "False",
                    "after negative gradients w is a complex number: v takes in the gradient squared, and has a root.",
                ),
                Check(
                    "adam(MIXED)",
                    "places(adam_, MIXED)",
                    "the first step fits, but after five gradients w went {got}; minidl's went {want}. Has t its power?",
                ),
                Check(
                    "adam([1e-9])[0] * 1e6",
                    "places(adam_, [1e-9])[0] * 1e6",
                    "with a gradient of a billionth, a million times the step is {got}; minidl's is {want}.",
                    (
                        Mistake("places(literal.AdamEpsInside, [1e-9])[0] * 1e6", "ε stands under the root."),
                        Mistake("-1000.0", "ε is missing."),
                    ),
                ),
            ),
            hints=(
                "Four lines: v, then m and v with their hats, then the step.",
                "v takes in g * g as m takes in g. Each hat divides by one minus its beta to the power t.",
            ),
            solution="""
def adam(gradients, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    w = m = v = 0.0
    places = []
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat**0.5 + eps)
        places.append(w)
    return places
""",
        ),
        reveal=("Step for step what optim.Adam does, for any number of weights.",),
    ),
    Step(
        name="what-comes-next",
        code="""
for lr in (0.0190, 0.0199, 0.0201, 0.0210):
    w = plots.descend(turned, start, lambda w: optim.SGD(w, lr), 400)[-1]
    print(f"gradient descent at {lr:.4f}: loss {turned(*w):.0e}")
""",
        say=(
            "Everyone raced at a rate that was searched for. See what a little more",
            "does: between the second and the third line lies an edge.",
            "",
            "Where it lies can be computed beforehand. And so far every step saw the",
            "whole loss; in training a step sees a handful of examples.",
            "",
            "That is lesson seven, Learning rate and batches.",
        ),
    ),
)

DESCENT = Lesson(
    number=6,
    name="descent",
    title="Descent",
    promise="Say which optimizer suits which valley, and write Adam yourself.",
    minutes=20,
    version=1,
    steps=STEPS,
    follows="rates",
    read=(
        "Polyak (1964), Some methods of speeding up the convergence of iteration",
        "  methods; Goh (2017), Why momentum really works.",
        "Tieleman and Hinton (2012), Lecture 6e of Neural networks for machine",
        "  learning: RMSProp.",
        "Kingma and Ba (2015), Adam: a method for stochastic optimization.",
        "Nocedal and Wright (2006), Numerical optimization: Newton, and CG.",
    ),
)
