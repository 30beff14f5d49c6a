"""Lesson 10, Vanishing and dying: where a gradient goes on its way back through twenty layers, and units that end it."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="twenty-layers",
        code="""
import minidl, numpy as np
from minidl import data, nn
from minidl.nn import functional as F, init
digits = data.digits()
x = digits.images[:64].reshape(64, 64)
x = minidl.tensor((x - x.mean()) / x.std())
t = minidl.tensor(digits.labels[:64])
def deep(block, start):                    # twenty layers of 64 units
    minidl.manual_seed(5)
    layers = [nn.Linear(64, 64, bias=False) for _ in range(20)]
    for layer in layers: start(layer.weight)
    return nn.Sequential(*map(block, layers), nn.Linear(64, 10))
def sigmoid(layer): return nn.Sequential(layer, nn.Sigmoid())
net = deep(sigmoid, init.lecun_normal_)
""",
        say=("Digits go in, through twenty layers of sigmoids; ten scores come out.",),
        question=Choice(
            ask=("One backward pass: which layer's weights get the smallest gradient?",),
            options=(
                Option("the first", "np.argmin(sizes) == 0", "Yes: the one that sees the digits."),
                Option("one in the middle", "0 < np.argmin(sizes) < 19", "It is worse at one of the ends."),
                Option(
                    "the last",
                    "np.argmin(sizes) == 19",
                    "That is nearest to the loss: little has been taken from its gradient.",
                ),
            ),
            hints=("Where does the gradient come from?", "From the loss, at the end. Each layer takes its toll."),
        ),
        then="""
found = minidl.autodiff.gradients(F.cross_entropy(net(x), t))
sizes = [np.linalg.norm(found[part[0].weight]) for part in net[:20]]
for k in (1, 10, 20): print(f"layer {k:2}  ‖∂L/∂W‖ {sizes[k - 1]:.0e}")
""",
        reveal=(
            "‖ ‖ is a size: all entries squared, added up, and of that the root.",
            "The layer that sees the digits gets next to nothing: it will hardly move.",
        ),
    ),
    Step(
        name="layer-by-layer",
        code="""
def flow(net):        # ‖∂L/∂h‖ of what each layer hands on, and scores
    h, made = x, []
    for part in net:
        h = part(h)
        made.append(h)
    found = minidl.autodiff.gradients(F.cross_entropy(h, t))
    return np.array([np.linalg.norm(found[h]) for h in made])
k = np.arange(21)
cliff, ramp = 6.0 * np.sign(k - 2) - 6, 0.6 * k - 12
bow = 4 * np.log((k + 1) / 21)
""",
        say=("Now what travels back: the gradient for the output h of each layer.",),
        question=Pick(
            ask=("Its size, in powers of ten, from layer one to the scores. Which sketch?",),
            options=(
                Option("a cliff", "np.diff(fall).max() > 6", "No single layer does it.", picture="cliff"),
                Option("a ramp", "0.4 < fall[10] / fall[0] < 0.6", "Yes.", picture="ramp"),
                Option(
                    "a bow",
                    "fall[10] / fall[0] < 0.3",
                    "Then the first layers would take larger shares than the last.",
                    picture="bow",
                ),
            ),
            hints=(
                "Each layer takes the same share. Of what is left.",
                "A tenth, and a tenth of that: each lowers the power of ten by one.",
            ),
            rows=5,
        ),
        then="""
sizes = flow(net)
left, fall = sizes[0] / sizes[-1], np.log10(sizes / sizes[-1])
print(f"layer 1 gets {left:.0e} of what the scores get")
""",
        reveal=(
            "A straight ramp: each layer takes the same share, and shares multiply.",
            "Nothing is broken, yet the first layers stand still: *vanishing gradient*.",
        ),
    ),
    Step(
        name="at-most",
        code="""
best, little = 0.25, 0.001
""",
        say=(
            "Take the bare chain: σ of σ of σ … of one number x, no weights at all.",
            "Each σ passes on {best} at best, and the shares multiply.",
        ),
        question=Number(
            ask=("How many sigmoids does it take to leave less than {little}, even at best?",),
            answer="enough",
            hints=("Two leave a sixteenth. And three?", "Four leave {four}. Is that below {little}?"),
            mistakes=(
                Mistake("4", "Four leave {four}: still above {little}."),
                Mistake("10", "That many halves would. It is quarters."),
                Mistake("best / little", "Then each would take away the same amount. Each takes the same *share*."),
                Mistake("3", "Three leave {best} · {best} · {best} = {three}."),
            ),
            claim="best ** min(max(guess, 0), 50)",
            unforeseen="So many leave {claim:.1e} at best. The fewest that leave less than {little}?",
        ),
        then="""
enough = next(n for n in range(99) if best ** n < little)
three, four = best ** 3, best ** 4
x0 = minidl.tensor(np.float64(0), requires_grad=True)
y = x0
for _ in range(20):
    y = F.sigmoid(y)
y.backward()
got = x0.grad.item()
print(f"20 of them: at most {best ** 20:.1e}, and at x = 0 {got:.1e}")
""",
        reveal=("{enough}. With twenty the bound is not even reached: only the first σ sees zero.",),
    ),
    Step(
        name="not-saturated",
        code="""
h, slopes = x, []
for part in net[:20]:
    h = part(h)
    slopes.append(h.data * (1 - h.data))       # the slope of each σ
slopes, flat = np.array(slopes), 0.01
""",
        say=(
            "So the sigmoids of our network must be saturated, one would say:",
            "far out, where σ is flat. We have the slope of each, for each digit.",
        ),
        question=Choice(
            ask=("How many of those slopes are below {flat}?",),
            options=(
                Option("nearly all", "share > 0.9", "Then still less would have come back."),
                Option("about half", "0.3 < share < 0.7", "Look at what the bare chain did, without any flat σ."),
                Option("none", "share == 0", "Yes."),
            ),
            hints=("The bare chain lost as much. Was a σ flat there?", "The sums are small: σ stands near its middle."),
        ),
        then="""
share, mean = (slopes < flat).mean(), slopes.mean()
print(f"below {flat}: {share:.0%}   the smallest: {slopes.min():.3f}")
""",
        reveal=(
            "Not one: on average the slope is {mean:.2f}, near its best.",
            "*Vanishing needs no saturation.* A quarter, twenty times, is enough.",
        ),
    ),
    Step(
        name="the-product",
        code="""
n, w = 6, np.array([0, 0.9, -1.3, 1.1, 0.7, 1.6, -0.8])    # w₁ … w₆
def g(z): return 1 / (1 + np.exp(-z))
def chain(w):                        # x₁ … xₙ; the loss is xₙ itself
    x = [0, 0.5]
    for i in range(1, n): x.append(g(w[i] * x[i]))
    return np.array(x)
""",
        say=(
            "With weights: xᵢ₊₁ = g(wᵢxᵢ). From xₙ back to w₂ the chain rule says",
            "      ∂xₙ/∂w₂ = g′(w₂x₂) x₂ · ∏ g′(wᵢxᵢ) wᵢ",
            "where ∏ multiplies such factors for i from three on. Up to which i? A",
            "lecture lets it run up to n.",
        ),
        question=Number(
            ask=("How many factors g′(wᵢxᵢ) wᵢ must it have, for n = {n}?",),
            answer="terms",
            hints=("w₂ makes x₃. Which weights are passed from there to xₙ?", "w₃ makes x₄. Which one makes xₙ?"),
            mistakes=(
                Mistake("printed", "So it is printed, up to i = n. But wₙ would make an xₙ₊₁: past the end."),
                Mistake("n", "That is how many x there are. The product begins after w₂."),
                Mistake("n - 1", "So many weights make x₂ to xₙ. The first two are not in the product."),
                Mistake("2", "From w₃ to w₄. Is xₙ reached then?"),
            ),
            unforeseen="Count: w₃ makes x₄, w₄ makes x₅, and so on, until xₙ is made.",
        ),
        then="""
xs, e = chain(w), 1e-5 * (np.arange(7) == 2)
nudged = (chain(w + e)[n] - chain(w - e)[n]) / 2e-5
slope = g(w * xs) * (1 - g(w * xs))
def product(i): return slope[2] * xs[2] * np.prod((slope * w)[3:i+1])
terms = next(k for k in range(n) if np.isclose(product(2+k), nudged))
printed = len(range(3, n + 1))
print(f"nudged {nudged:.6f}   to n − 1: {product(n - 1):.6f}"
      f"   to n: {product(n):.6f}")
v = np.linspace(0, 50, 5001)
top = (v * g(v / 2) * (1 - g(v / 2))).max()
""",
        reveal=(
            "The nudge decides: it ends at n − one. Each factor is a slope of at most a",
            "quarter, times a weight. Can large weights make up for it? They saturate",
            "g: at x = ½, say, no weight whatever gives a factor above {top:.2f}.",
        ),
    ),
    Step(
        name="relu",
        code="""
def relu(layer): return nn.Sequential(layer, nn.ReLU())
""",
        say=("Now ReLU, whose slope is one or nothing, and He's weights of lesson nine.",),
        question=Choice(
            ask=("Twenty layers of ReLU: layer one gets … of what the scores get.",),
            options=(
                Option(
                    "a millionth", "ratio < 1e-3", "Half of the units pass nothing, but the weights are larger for it."
                ),
                Option("about as much", "0.1 < ratio < 10", "Yes."),
                Option("a thousand times more", "ratio > 100", "Then each layer would have to enlarge it by half."),
            ),
            hints=("What did He's weights do to the signal, forwards?", "They do the same on the way back."),
        ),
        then="""
sizes = flow(deep(relu, init.he_normal_))
ratio = sizes[0] / sizes[-1]
print(f"layer 1 gets {ratio:.2f} of what the scores get")
""",
        reveal=("Twelve powers of ten more. ReLU stops half; He's weights make up for it.",),
    ),
    Step(
        name="save-the-sigmoid",
        code="""
def normed(layer):
    return nn.Sequential(layer, nn.BatchNorm1d(64), nn.Sigmoid())
def skipped(layer):
    return nn.Residual(nn.Sequential(layer, nn.Sigmoid()))
""",
        say=(
            "Two ways to keep σ. First: shift and stretch what enters each σ to mean",
            "zero, variance one (the next lesson's matter). Second: add a layer's input",
            "to its output, h + σ(Wh). That is a *residual* layer, with a *skip*.",
        ),
        question=Choice(
            ask=("Which of them brings a tenth or more back to layer one?",),
            options=(
                Option("the first", "kept == {'normed'}", "It does, and is not alone."),
                Option("the second", "kept == {'skipped'}", "It does, and is not alone."),
                Option("both", "kept == {'normed', 'skipped'}", "Yes."),
                Option("neither", "not kept", "Look at the slopes: something has changed in each."),
            ),
            hints=(
                "How fast does h + σ(Wh) grow with h? And what does stretching do to a slope?",
                "h itself has slope one. And outputs of σ vary little: to stretch them takes a large factor.",
            ),
        ),
        then="""
kept = set()
for block in (normed, skipped):
    sizes = flow(deep(block, init.lecun_normal_))
    print(f"{block.__name__:8} {sizes[0] / sizes[-1]:.2f}")
    if sizes[0] / sizes[-1] > 0.1: kept.add(block.__name__)
""",
        reveal=(
            "σ narrows what passes; the first way stretches it again, slopes included.",
            "In the second the gradient has two paths back, and on one nothing is lost.",
        ),
    ),
    Step(
        name="two-cures",
        code="""
def both(layer):
    return nn.Residual(nn.Sequential(layer, nn.ReLU()))
""",
        say=("ReLU with He's weights is a cure, adding the input is one. So take both.",),
        question=Choice(
            ask=("h + ReLU(Wh), twenty times: layer one gets … of what the scores get.",),
            options=(
                Option("about as much", "0.1 < ratio < 10", "Each cure alone leaves it as it is. Together?"),
                Option("a thousandth", "ratio < 0.1", "Neither of the two paths makes it smaller."),
                Option("thousands of times more", "ratio > 1000", "Yes: it explodes."),
            ),
            hints=("Each path alone hands on all of it. And both?", "Half as large again, twenty times: how much?"),
        ),
        then="""
net = deep(both, init.he_normal_)
sizes = flow(net)
ratio = sizes[0] / sizes[-1]
each = (sizes[0] / sizes[19]) ** (1 / 19)
print(f"layer 1 gets {ratio:.1e} times what the scores get")
""",
        reveal=(
            "Each path alone keeps the size; added up they make it about {each:.1f} times",
            "as large, layer by layer. *Vanishing and exploding are one illness*:",
            "a product of many factors, all below one or all above.",
        ),
    ),
    Step(
        name="weights-are-silent",
        code="""
nets = {"sigmoid": (sigmoid, init.lecun_normal_),
        "ReLU, He": (relu, init.he_normal_),
        "sigmoid + batch norm": (normed, init.lecun_normal_),
        "sigmoid + skip": (skipped, init.lecun_normal_),
        "ReLU, He + skip": (both, init.he_normal_)}
losses = {k: F.cross_entropy(deep(*n)(x), t) for k, n in nets.items()}
""",
        say=(
            "Five networks so far. Would one notice that the last explodes?",
            "Programs that watch a training often show the gradients of *weights*.",
        ),
        question=Choice(
            ask=("In the last network ‖∂L/∂W‖ of layer one, beside that of layer twenty, is",),
            options=(
                Option(
                    "thousands of times larger",
                    "seen > 1000",
                    "The gradient that arrives is. But what is it multiplied by?",
                ),
                Option("of the same order", "0.1 < seen < 10", "Yes. It looks healthy."),
                Option("a thousandth", "seen < 0.01", "What arrives is far larger there. What is it multiplied by?"),
            ),
            hints=("∂L/∂W is upstream · (input)ᵀ. How large are the inputs?", "Going forward it explodes too."),
        ),
        then="""
found = minidl.autodiff.gradients(F.cross_entropy(net(x), t))
size = [np.linalg.norm(found[part.block[0].weight]) for part in net[:20]]
seen = size[0] / size[-1]
grown = np.linalg.norm(net[:19](x).data) / np.linalg.norm(x.data)
print(f"ratio for h: {ratio:.1e}   for W: {seen:.1f}")
print(f"the input of layer 20 is {grown:.1e} times that of layer 1")
""",
        reveal=(
            "In layer one much arrives and meets small inputs; in layer twenty it is",
            "the other way around. The product hides both.",
            "*Judge the flow by ∂L/∂h, not by the weights' gradients alone.*",
        ),
    ),
    Step(
        name="side-by-side",
        code="""
from viz import plots
sizes = {k: flow(deep(*n))[::-1] for k, n in nets.items()}
drawn = plots.loss_curves(sizes, title="Five networks, on the way back",
                          loss_name="‖∂L/∂h‖", step_name="layers back")
""",
        picture=Picture(
            "drawn",
            "Five lines from one point: one falls straight to nothing, three stay level, one climbs.",
            rows=13,
        ),
        say=(
            "The five, from the scores back to layer one. A straight line is a product",
            "of equal factors: below one it falls, above one it climbs.",
        ),
    ),
    Step(
        name="the-thermometer",
        code="""
from viz import HeatScale, thermometer
figure = thermometer(losses, scale=HeatScale(-13, 3, thin=0.8, thick=14),
                     title="Twenty layers: where does the gradient go?")
""",
        figure="figure",
        say=(
            "In the first network no σ was saturated, and the gradient vanished. In",
            "sigmoid + skip it arrives. Look at the slopes of σ there, in layer twenty.",
        ),
        question=Choice(
            ask=("How many of them are below {flat}?",),
            options=(
                Option("none", "share < 0.001", "So it was without the skip. Here every layer adds to h."),
                Option(
                    "less than a tenth", "0.001 <= share < 0.1", "More: every layer adds to h, and none takes away."
                ),
                Option("more than half", "share > 0.5", "Yes."),
            ),
            hints=("h + σ(Wh), twenty times: does h stay small?", "No: σ is never negative. And then Wh?"),
        ),
        then="""
net = deep(skipped, init.lecun_normal_)
s = net[19].block(net[:19](x)).data
share = (s * (1 - s) < flat).mean()
print(f"saturated in layer 20: {share:.0%}")
""",
        reveal=(
            "h grows with every layer, Wh with it, and σ goes flat. The gradient takes",
            "the other path. Press f for all five as a *thermometer*: the wider the",
            "wire, the larger ‖∂L/∂h‖; boxes fill up with what is saturated or dead.",
        ),
    ),
    Step(
        name="dead",
        code="""
low = -2
def three(bias):                       # 64 ReLUs, 64 ReLUs, ten scores
    minidl.manual_seed(3)
    a, b, c = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
    for layer in (a, b, c): init.he_normal_(layer.weight)
    for layer in (a, b): init.constant_(layer.bias, bias)
    return nn.Sequential(a, nn.ReLU(), b, nn.ReLU(), c)
def dead(net, k):                      # zero for every digit
    return float((net[:2 * k](x).data == 0).all(axis=0).mean())
first = dead(three(low), 1)
""",
        say=("A ReLU that is zero for *every* digit passes nothing back: it is *dead*.",),
        question=Choice(
            ask=("With biases of {low}, {first:.0%} of layer one are dead. And of layer two?",),
            options=(
                Option("fewer", "second < first - 0.05", "Its bias is as low, and what comes in is weaker."),
                Option(
                    "about as many", "abs(second - first) < 0.05", "Its bias is as low, but what comes in is weaker."
                ),
                Option("nearly all", "second > 0.9", "Yes."),
            ),
            hints=("What does layer two get from a layer one with such biases?", "Little. And its own bias is {low}."),
        ),
        then="""
for bias in (0, 0.01, low):
    one, second = (dead(three(bias), k) for k in (1, 2))
    print(f"bias {bias:5}:  layer 1 {one:4.0%}  layer 2 {second:4.0%}")
""",
        reveal=(
            "Layer one gives little, and layer two asks as much as before.",
            "(A bias of a hundredth, as some lectures advise, changes nothing here.)",
        ),
    ),
    Step(
        name="no-return",
        code="""
from minidl import optim
lows = {"bias 0": 0, "bias −1": -1, "bias −2": -2}
ill = {k: F.cross_entropy(three(b)(x), t) for k, b in lows.items()}
dying = thermometer(ill, title="Dying ReLUs: zero for every digit")
def train(net, rate, steps):
    optimizer = optim.SGD(net.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
    return loss.item()
steps = 50
""",
        say=("Train the network with the low biases. Surely it finds a way out.",),
        figure="dying",
        question=Number(
            ask=("It has three W and three b. After {steps} steps, how many of the six changed?",),
            answer="changed",
            hints=("What comes back through a layer that is dead?", "Only c can move. And its weights see zeros."),
            mistakes=(
                Mistake("6", "Layer two is dead, all of it: what comes back through it?"),
                Mistake("0", "Not quite. After the dead layer one thing is left that does not need its output."),
                Mistake("10", "That many numbers, yes, but they are in how many of the six?"),
                Mistake("2", "c has weights and biases. But what are its weights' gradients, if its input is zero?"),
                Mistake("4", "Layer one has live units. But what comes back to them must pass layer two."),
            ),
            unforeseen="∂L/∂W is upstream times input. Where is upstream zero, and where is the input?",
        ),
        then="""
net, alive = three(low), three(0)
before = [p.data.copy() for p in net.parameters()]
end, end_alive = train(net, 0.1, steps), train(alive, 0.1, steps)
pairs = zip(net.parameters(), before)
changed = sum((p.data != b).any() for p, b in pairs)
print(f"loss {end:.2f}, chance is {np.log(10):.2f};"
      f" with biases 0: {end_alive:.2f}")
""",
        reveal=(
            "The last b alone: it guesses without looking. The weights of a dead unit",
            "get no gradient. Other inputs could wake it; with these it stays dead.",
            "Press f for this network beside two others: where the gradient ends.",
        ),
    ),
    Step(
        name="killed",
        code="""
rates, steps = (0.1, 0.3, 5), 20
""",
        say=(
            "A unit can also die in training. Start healthy, with biases zero, and",
            "take {steps} steps at each of these rates: {rates}.",
        ),
        question=Choice(
            ask=("At the highest rate, in layer two, …",),
            options=(
                Option("all units live", "share < 0.1", "They would, were the steps short."),
                Option("about half die", "0.1 < share < 0.9", "Worse."),
                Option("nearly all die", "share > 0.9", "Yes: a long step pushes them out of reach."),
            ),
            hints=("How far does a bias move in one long step?", "Far below zero. Does a gradient bring it back?"),
        ),
        then="""
for rate in rates:
    net = three(0)
    loss, share = train(net, rate, steps), dead(net, 2)
    print(f"rate {rate:3}: loss {loss:.1f}, dead in layer 2 {share:4.0%}")
""",
        reveal=(
            "A loss that sticks at chance after a wild start: look for dead units.",
            "(A *leaky* ReLU has a small slope on the left too: it always gets some.)",
        ),
    ),
    Step(
        name="your-turn",
        say=(
            "Back to h + ReLU(Wh), which explodes. Keep both cures, but let the",
            "weights begin smaller: a times He's.",
        ),
        question=Exercise(
            ask=("Find an a so that layer one gets less than three times what the scores do.",),
            name="a",
            code="""
def smaller(weight): init.normal_(weight, std=abs(a) * (2 / 64) ** 0.5)
net = deep(both, smaller)
sizes = flow(net)
ratio = sizes[0] / sizes[-1]
out = net[:20](x).data
moved = np.linalg.norm(out - x.data) / np.linalg.norm(x.data)
""",
            accept="ratio < 3 and moved > 0.1",
            hints=("One is He's start, as before. Try a half.", "A half gives dozens of times. Halve again."),
            mistakes=(
                Mistake("moved <= 0.1", "It ran: {ratio:.2f} times. But now the layers do nothing: out comes x."),
                Mistake("ratio < 10", "It ran: {ratio:.1f} times. Nearly; a little smaller."),
            ),
            unforeseen="It ran: layer one gets {ratio:.3g} times as much. Smaller.",
            example="0.2",
        ),
        reveal=(
            "It ran: {ratio:.2f} times, and out comes x changed by {moved:.1f} times its size.",
            "Twenty small changes add up. So residual networks let each layer begin",
            "small, or at nothing, or they normalise.",
        ),
    ),
    Step(
        name="by-hand",
        say=("The product, for any chain xᵢ₊₁ = σ(wᵢxᵢ). The loss is its last x.",),
        question=Program(
            ask=("Give the gradients for all weights of the chain.",),
            file="""
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def gradients(w, x):
    xs = [x]                       # xs[i + 1] is made of w[i] and xs[i]
    for wi in w:
        xs.append(sigmoid(wi * xs[-1]))
    upstream = 1.0                 # of the loss for the last x
    dw = np.zeros(len(w))
    for i in reversed(range(len(w))):
        dw[i] = upstream               # times what?
        upstream = upstream            # times what?
    return dw
""",
            given="""
def last(w, x):
    for wi in w:
        x = 1 / (1 + np.exp(-wi * x))
    return x
SHORT, LONG = np.array([0.7]), np.array([0.9, -1.3, 1.1, 0.7, 1.6])
""",
            checks=(
                Check(
                    "gradients(SHORT, 0.5)",
                    "nudge(lambda w: last(w, 0.5), SHORT)",
                    "for a single weight {got} came back; the referee has {want}.",
                    (Mistake("[1.0]", "upstream is still handed on as it came. What does σ do to it, and what x?"),),
                ),
                Check(
                    "gradients(LONG, 0.5)",
                    "nudge(lambda w: last(w, 0.5), LONG)",
                    "for five weights {got} came back; the referee has {want}.",
                ),
                Check(
                    "gradients(np.zeros(20), 0.5)[0]",
                    "0.0",
                    "with weights of zero, {got} came back to the first; nothing should.",
                ),
            ),
            hints=(
                "At the sigmoid upstream is multiplied by y · (one − y): y is what it made.",
                "Call that d. Then d · xs[i] is the gradient of w[i], and d · w[i] goes on.",
            ),
            solution="""
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def gradients(w, x):
    xs = [x]
    for wi in w:
        xs.append(sigmoid(wi * xs[-1]))
    upstream, dw = 1.0, np.zeros(len(w))
    for i in reversed(range(len(w))):
        y = xs[i + 1]
        d = upstream * y * (1 - y)
        dw[i], upstream = d * xs[i], d * w[i]
    return dw
""",
        ),
        reveal=("A loop that multiplies: there is no more to vanishing, or to exploding.",),
    ),
    Step(
        name="what-comes-next",
        say=(
            "A good start keeps the flow even at step one. But training moves the",
            "weights, and the sizes drift: a cure at the start is none for later.",
            "",
            "One of the five networks mends itself at every step, however large its",
            "weights have become: the one that brings what enters each σ back to mean",
            "zero and variance one. How it does that, and what it costs, is the next",
            "lesson, Normalisation.",
        ),
    ),
)

VANISHING = Lesson(
    number=10,
    name="vanishing",
    title="Vanishing and dying",
    promise="Find the layer that starves or explodes, the units that are dead, and say what helps.",
    minutes=20,
    version=1,
    steps=STEPS,
    follows="normalisation",
    read=(
        "Hochreiter (1991), Untersuchungen zu dynamischen neuronalen Netzen: found it first.",
        "Glorot and Bengio (2010), Understanding the difficulty of training deep",
        "  feedforward neural networks.",
        "He, Zhang, Ren and Sun (2016), Identity mappings in deep residual networks.",
        "Zhang, Dauphin and Ma (2019), Fixup initialization: residual learning",
        "  without normalization.",
        "Lu, Shin, Su and Karniadakis (2020), Dying ReLU and initialization.",
    ),
)
