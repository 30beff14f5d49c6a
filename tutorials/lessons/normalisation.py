"""Lesson 11, Normalisation: what a batch does to each of its examples, and what becomes of it when there is no batch."""

from __future__ import annotations

from ..lesson import Check, Choice, Exercise, Lesson, Mistake, Number, Option, Picture, Program, Shape, Step

STEPS = (
    Step(
        name="batch-of-two",
        code="""
import numpy as np
import minidl
from minidl import nn
two = minidl.tensor([[1.0], [1000.0]])
""",
        say=(
            "Inputs are standardised before training: their mean is taken off, and",
            "they are divided by their standard deviation (std). *Batch normalisation*",
            "does so inside the network, at every step, to what each unit puts out.",
            "Mean and std are those of the batch. Here it has two examples: a unit put",
            "out {two[0][0]} for the one and {two[1][0]} for the other.",
        ),
        question=Number(
            ask=("What does batch normalisation make of the two?",),
            answer="made",
            hints=(
                "The mean lies in the middle. How far from it is each?",
                "Each is half of their distance away, and that is their std as well.",
            ),
            mistakes=(
                Mistake("two.data.ravel() - two.data.mean()", "The mean is off. Now divide by the std."),
                Mistake("[0, 1]", "That stretches them from zero to one. Here the mean becomes zero."),
                Mistake(
                    "made / np.sqrt(2)",
                    "You divided the squares by one less than their number. Batch norm divides by their number.",
                ),
                Mistake("two.data.ravel() / two.data.std()", "You divided by the std. Take off the mean first."),
                Mistake("-made", "Right sizes. The smaller one is below the mean."),
            ),
            unforeseen="The mean of what comes out is zero, and the mean of its squares one. Yours?",
        ),
        then="""
norm = nn.BatchNorm1d(1)
made = norm(two).data.ravel().round(4)
for a, b in ((1, 1000), (3, 4), (-7, -9)):
    y = norm(minidl.tensor([[a], [b]], dtype=two.dtype)).data.ravel()
    print(f"{a:3} and {b:4} become {y[0]:+.2f} and {y[1]:+.2f}")
""",
        reveal=(
            "Whatever the two are, all that is left of them is which one is larger.",
            "(Two that are equal become zero: eps, a tiny number, is added to the",
            "variance, so that nothing is ever divided by zero.)",
        ),
    ),
    Step(
        name="gamma-and-beta",
        code="""
values = [1.0, 2.0, 3.0, 4.0]
four = minidl.tensor(values).reshape(4, 1)
print(norm(four).data.ravel().round(5))
four_mean, biased = four.mean().item(), four.data.var()
squares, unbiased = biased * 4, four.data.var(ddof=1)
""",
        say=(
            "A larger batch leaves more: {values} becomes the row above. But a",
            "unit may need another size, and a mean that is not zero. So each has two",
            "numbers to learn, γ and β (in minidl: weight and bias), and hands on",
            "y = γ·x̂ + β, where x̂ is standardised. They begin as one and zero.",
        ),
        question=Exercise(
            ask=("With which γ and β does {values} come out as it went in?",),
            name="pair",
            code="""
norm = nn.BatchNorm1d(1)
nn.init.constant_(norm.weight, pair[0])
nn.init.constant_(norm.bias, pair[1])
y = norm(four).data.ravel().round(2)
""",
            accept="abs(y - values).max() < 0.03",
            hints=(
                "Undo it: multiply by what it was divided by, add what was taken off.",
                "{four_mean} was taken off; it was divided by the root of the variance, {squares} over four.",
            ),
            mistakes=(
                Mistake(
                    "abs(pair[0] - four_mean) < 0.05 and pair[1] != four_mean",
                    "It ran: {y}. γ comes first: it multiplies. β is added.",
                ),
                Mistake(
                    "abs(pair[0] - np.sqrt(unbiased)) < 0.005 and abs(pair[1] - four_mean) < 0.01",
                    "It ran: {y}. That std divides by one less than their number. Here it is their number.",
                ),
                Mistake(
                    "abs(pair[0] - biased) < 0.01 and abs(pair[1] - four_mean) < 0.01",
                    "It ran: {y}. Your γ is the variance. They were divided by the root of it.",
                ),
                Mistake(
                    "abs(y.mean() - four_mean) < 0.03",
                    "It ran: {y}. β is right. They lie too close together, or too far apart.",
                ),
            ),
            unforeseen="It ran: {y}. Its mean is β, its std γ.",
            example="[np.sqrt(biased), four_mean]",
        ),
        reveal=(
            "γ is the old std, β the old mean. So the layer can still hand on what came",
            "in, if that is best. And its std is the root of the *biased* variance, the",
            "sum of squares, {squares}, over their number. Over one less it is *unbiased*.",
        ),
    ),
    Step(
        name="what-for",
        code="""
def signal(std, norm, depth=20, n=256):
    minidl.manual_seed(0)
    x = minidl.randn(100, n)
    for _ in range(depth):
        W = nn.init.normal_(minidl.zeros(n, n), std=std)
        x = minidl.relu(norm(x @ W))
    return np.sqrt(np.mean(np.square(x.data, dtype=float)))
norm = nn.BatchNorm1d(256)
small, large = 0.01, 0.1
print(f"std {small}: {signal(small, norm):.2f}")
""",
        say=(
            "What is it for? The lesson *Initialisation* lost its signal in twenty",
            "layers of ReLU whose weights began too small. With batch norm before each",
            "ReLU it arrives: the root of its mean square is above.",
        ),
        question=Number(
            ask=("All weights times ten. What arrives is how many times as large?",),
            answer="times",
            hints=(
                "Ten times the weights: ten times the sums, their mean and their std.",
                "What is divided by a std that is ten times as large?",
            ),
            mistakes=(
                Mistake("10", "So it would be after one layer, without batch norm."),
                Mistake("10.0 ** 20", "So it would be without batch norm. Each layer is divided by its own std."),
                Mistake("0.1", "It is divided by ten times as much, but it is ten times as much, too."),
                Mistake("np.sqrt(10)", "Neither the variance nor the std is left: each layer is divided by it."),
                Mistake("0", "It arrives: what comes out of batch norm has a mean square of one."),
            ),
            unforeseen="Follow one sum: it is ten times as large, and so is the std that divides it.",
        ),
        then="""
times = round(signal(large, norm) / signal(small, norm), 1)
print(f"std {large}: {signal(large, norm):.2f}")
""",
        reveal=(
            "*Batch norm takes away the scale of the weights* before it. So how they",
            "begin matters less, as a note says. (It also says that batch norm helps",
            "because a layer's inputs drift less. Santurkar and others dispute that.)",
        ),
    ),
    Step(
        name="its-gradient",
        code="""
x, up = minidl.randn(64, 8), minidl.randn(64, 4)
def gradients(scale):
    minidl.manual_seed(1)
    layer = nn.Linear(8, 4)
    with minidl.no_grad():
        layer.weight *= scale
    nn.BatchNorm1d(4)(layer(x)).backward(up)
    return layer.weight.grad.data, layer.bias.grad.data
one, ten = gradients(1), gradients(10)
""",
        say=("And the gradients? Here is one layer, with a bias, then batch norm.",),
        question=Number(
            ask=("All weights times ten. Their gradient is how many times as large?",),
            answer="ratio",
            hints=(
                "The output is the same as before. But what does a nudge of h to a weight do to it?",
                "To a weight ten times as large, the same h is a tenth of the change that it was.",
            ),
            mistakes=(
                Mistake("1", "The output is the same. But the same nudge is a smaller share of a larger weight."),
                Mistake("10", "Upside down: the same nudge is a smaller share of a larger weight."),
                Mistake("0", "Not zero: nudging one weight alone does change the output."),
                Mistake("0.01", "That is the square of it."),
                Mistake("100", "Upside down, and squared."),
            ),
            unforeseen="Think of a nudge: the same h, but the weight that it changes is ten times as large.",
        ),
        then="""
ratio = round(float(np.linalg.norm(ten[0]) / np.linalg.norm(one[0])), 3)
bias = abs(one[1]).max()
print(f"weights: {ratio} times   bias: at most {bias:.0e}")
""",
        reveal=(
            "A tenth of the step, on weights ten times as large: they turn slowly.",
            "And the bias has gradient zero, but for rounding: what it adds, the mean",
            "takes off. A note counts a bias before batch norm among the commonest",
            "mistakes. It does no harm, but β does its work.",
        ),
    ),
    Step(
        name="stored",
        code="""
layer = nn.BatchNorm1d(1)
old, m = layer.running_var.item(), 0.1     # m: the layer's momentum
_ = layer(four)                            # one batch in training
""",
        say=(
            "In use there may be a single example and no batch. So training keeps a",
            "*running* mean and variance, which every batch moves a little: to m times",
            "its own and the rest times the old. Here m is {m}, the variance began as",
            "{old}, and the batch was {values}.",
        ),
        question=Number(
            ask=("The running variance is now …",),
            answer="np.round(stored, 5)",
            hints=(
                "A tenth of the new one, nine tenths of the old one. Which variance is new?",
                "It is the unbiased variance that is stored: {squares} over one less than four.",
            ),
            mistakes=(
                Mistake(
                    "0.9 * old + m * biased",
                    "Right, had it stored the variance it divides by. But it stores the *unbiased* one.",
                ),
                Mistake("biased", "That is this batch's own. The old one still counts for most."),
                Mistake("unbiased", "That is this batch's own, unbiased. The old one still counts for most."),
                Mistake("m * old + 0.9 * unbiased", "Turned around: the old one has nine tenths."),
                Mistake("0.9 * old + m * np.sqrt(biased)", "That takes in the std. It is the variance that is kept."),
            ),
            unforeseen="Nine tenths of {old} and a tenth of the new variance, which is near {biased}.",
        ),
        then="""
stored = layer.running_var.item()
print(f"{0.9 * old + m * unbiased:.5f} by hand, {stored:.5f} stored")
""",
        reveal=(
            "It divides by the biased variance and stores the unbiased one, as PyTorch",
            "does. The one makes this batch's mean square one; the other estimates the",
            "variance of all data, of which this batch is a sample.",
        ),
    ),
    Step(
        name="a-network",
        code="""
from minidl import data, optim
digits = data.digits()
order = np.random.default_rng(0).permutation(1797)
images = minidl.tensor(digits.images.reshape(-1, 64)[order])
labels = minidl.tensor(digits.labels[order])
def train(norm):
    net = nn.Sequential(nn.Linear(64, 64), norm(64), nn.ReLU(),
                        nn.Linear(64, 64), norm(64), nn.ReLU(),
                        nn.Linear(64, 10))
    adam = optim.Adam(net.parameters(), lr=0.01)
    for k in range(200):
        i = slice(k % 20, 1400, 20)
        loss = nn.functional.cross_entropy(net(images[i]), labels[i])
        adam.zero_grad(); loss.backward(); adam.step()
    return net
net = train(nn.BatchNorm1d)
""",
        say=(
            "A small network that reads digits, with batch norm before each ReLU,",
            "trained on batches of seventy. In training all is well. What of its use?",
        ),
    ),
    Step(
        name="two-at-a-time",
        code="""
x, d = images[1400:], labels[1400:]           # what it has not seen
def right(net, x, d): return (net(x).data.argmax(1) == d.data).mean()
net.eval()                                    # from now on: in use
known = right(net, x, d)
print(f"{known:.0%} right")
""",
        say=(
            "net.eval() makes the layers use what they stored. To forget it is on that",
            "note's list, too: they go on standardising each batch by itself. New",
            "digits come in, two at a time.",
        ),
        question=Choice(
            ask=("Without eval(), of these it gets right …",),
            options=(
                Option("as many", "by_size[2] > known - 0.05", "Remember what is left of a batch of two."),
                Option("a few fewer", "known - 0.05 >= by_size[2] > 0.75", "It is worse than that."),
                Option("half of them, or so", "by_size[2] <= 0.75", "Yes."),
            ),
            hints=("What did a unit's two numbers become?", "Minus one and one: all else about them is lost."),
        ),
        then="""
import copy
forgetful = copy.deepcopy(net).train()
def by(size):                                 # in batches of this size
    parts = [slice(k, k + size) for k in range(0, 384, size)]
    return np.mean([right(forgetful, x[i], d[i]) for i in parts])
by_size = {size: by(size) for size in (2, 4, 8, 32, 128)}
print("  ".join(f"{k}: {share:.0%}" for k, share in by_size.items()))
""",
        reveal=(
            "By the size of the batch. A small one has poor statistics, and what comes",
            "out for an image depends on its company. Of an example alone nothing would",
            "be left, and minidl refuses it.",
        ),
    ),
    Step(
        name="another-camera",
        code="""
pale, bright = 0.3 * x, x + 0.6               # as two other cameras see
""",
        say=(
            "With eval() again. But now the digits come from another camera, and are",
            "pale: the same pictures with less contrast. A person hardly minds.",
        ),
        question=Choice(
            ask=("Batch norm takes off a mean and divides by a std. It gets right …",),
            options=(
                Option("as many", "shifted > known - 0.05", "It would, if it were their mean and their std."),
                Option("nearly as many", "known - 0.05 >= shifted > 0.8", "That would be well. It is worse."),
                Option("far fewer", "shifted <= 0.8", "Yes. Whose mean, and whose std?"),
            ),
            hints=("Whose mean does it take off, in use?", "That of the training digits: it was stored."),
        ),
        then="""
shifted = right(net, pale, d)
plain = train(lambda n: nn.Identity())
for name, f in (("with batch norm", net), ("without", plain)):
    shares = (right(f, v, d) for v in (x, pale, bright))
    print(f"{name:16}", *(f"{share:.0%}" for share in shares))
""",
        reveal=(
            "In columns: old camera, pale, bright. The stored statistics are the old",
            "camera's. Data in use that are not as in training are called a *shift*. A",
            "note says that batch norm makes a network more sensitive to it. So it is",
            "with pale digits. With bright ones the network without is no better.",
        ),
    ),
    Step(
        name="measured-again",
        code="""
from viz import plots
rows = "old camera", "pale", "measured again"
""",
        picture=Picture(
            "drawn",
            "A unit after batch norm: a hill; with the pale camera narrow and moved aside; measured again, as at first.",
            rows=7,
        ),
        say=(
            "A remedy: send pale digits through once and measure mean and variance of",
            "each unit again. It takes no labels, and no weight is changed.",
        ),
        question=Choice(
            ask=("Then it gets right …",),
            options=(
                Option(
                    "no more than before", "again < shifted + 0.05", "The weights are still good, if what they get is."
                ),
                Option("half of what was lost", "shifted + 0.05 <= again <= known - 0.05", "It is better than that."),
                Option("all it did at first", "again > known - 0.05", "Yes."),
            ),
            hints=(
                "What does less contrast do to a sum w·x + b, over all digits?",
                "w·x shrinks, b stays: the mean moves and the std shrinks, no more.",
            ),
        ),
        then="""
adapted = copy.deepcopy(net)
nn.recalibrate(adapted, [pale])
again = right(adapted, pale, d)
ways = [net[:2](x).data, net[:2](pale).data, adapted[:2](pale).data]
k = abs((ways[1] - ways[0]).mean(0)).argmax()     # the unit most moved
print(f"{again:.0%} right; drawn: unit {k}")
drawn = plots.histograms(dict(zip(rows, (way[:, k] for way in ways))))
""",
        reveal=(
            "Less contrast shrinks a unit's numbers and moves them: its own mean and",
            "std undo just that. (After training on small batches, too, a note measures",
            "again, over many of them: the running statistics are poor.)",
        ),
    ),
    Step(
        name="only-sevens",
        code="""
sevens = d.data == 7
x7, d7 = minidl.tensor(x.data[sevens]), minidl.tensor(d.data[sevens])
count = len(d7)
""",
        say=(
            "Some batches are no mixture: frames of a film, what a robot sees today. An",
            "extreme one: all {count} sevens at once, standardised by themselves, without",
            "eval(). They are many, so their mean and std are not poor.",
        ),
        question=Choice(
            ask=("Of the sevens it gets right …",),
            options=(
                Option("nearly all", "share > 0.75", "With eval() it does."),
                Option("half of them", "0.35 < share <= 0.75", "It is worse than that."),
                Option("hardly any", "share <= 0.35", "Yes."),
            ),
            hints=(
                "What do all of them have in common, in each unit?",
                "That they are sevens. And what is common to a batch is its mean.",
            ),
        ),
        then="""
forgetful = copy.deepcopy(net).train()
share, used = (right(f, x7, d7) for f in (forgetful, net))
print(f"standardised by themselves {share:.0%}, with eval() {used:.0%}")
""",
        reveal=(
            "What sevens have in common is their mean, and it is taken off: little says",
            "seven any more. Batch norm takes a batch for a fair sample of all data.",
        ),
    ),
    Step(
        name="one-nudge",
        code="""
some = minidl.randn(3, 4, 3, 3, dtype=minidl.float64)
def felt(norm):
    nudged = some.clone()
    nudged[1, 1, 1, 1] += 1
    return abs((norm(nudged) - norm(some)).data) > 1e-9
""",
        picture=Picture(
            "alone", "Three images below each other, four channels side by side; one channel of all is filled.", rows=6
        ),
        say=(
            "Who is in whose company? Nudge one number, and see which outputs move.",
            "{some.shape}: images; in each, channels (a photograph has red, green and",
            "blue); in each, rows and columns. Batch norm has a mean for each channel.",
        ),
        question=Number(
            ask=("One number is nudged. How many of the numbers that come out move?",),
            answer="moved",
            hints=("All that share its mean.", "Its channel: in all images, all rows and columns."),
            mistakes=(
                Mistake("1", "Its mean and its variance move, and others are standardised by them."),
                Mistake("9", "Those are its channel in its own image. Batch norm's mean is over all images."),
                Mistake("36", "Those are its own image. Each channel has a mean of its own, over all images."),
                Mistake("108", "Those are all. Other channels have other means."),
                Mistake("3", "One in each image? Rows and columns share the mean as well."),
            ),
            unforeseen="Count what shares its mean: its channel, over images, rows and columns.",
        ),
        then="""
mask = felt(nn.BatchNorm2d(4))
moved = mask.sum()
alone = plots.sharing({"batch norm": mask}, (1, 1, 1, 1))
""",
        reveal=("A channel is treated as a unit, and each pixel of it as one more example.",),
    ),
    Step(
        name="four-kinds",
        code="""
kinds = {"batch norm": nn.BatchNorm2d(4),
         "layer norm": nn.LayerNorm((4, 3, 3)),
         "group norm": nn.GroupNorm(2, 4),
         "instance norm": nn.InstanceNorm2d(4)}
masks = {name: felt(norm) for name, norm in kinds.items()}
drawn = plots.sharing(masks, (1, 1, 1, 1))
""",
        picture=Picture(
            "drawn",
            "Four grids of three images by four channels. Filled is what moves: a column; a row; half a row; one cell.",
            rows=7,
        ),
        say=(
            "Four kinds of (x − μ)/σ, with mean μ and std σ. They differ in which",
            "numbers share them: filled is what one nudge moves. {some.shape} are",
            "images, channels, rows and columns.",
        ),
        question=Shape(
            ask=("Group norm, in two groups of channels: what is the shape of all its μ?",),
            answer="means.shape",
            hints=("One for each image. And in each image?", "One for each image and each of its two groups."),
            mistakes=(
                Mistake("(4,)", "That is batch norm: one for each channel."),
                Mistake("(3,)", "That is layer norm: one for each image."),
                Mistake("(3, 4)", "That is instance norm: one for each image and channel."),
                Mistake("(2,)", "One for each group, but in each image anew: no image knows of another."),
                Mistake("(2, 3)", "The right count. Images come first."),
                Mistake("(3, 2, 2)", "That many channels share one: one for each image and group."),
            ),
            unforeseen="A shape of {guess} has room for {room}. Count images, and groups in each.",
        ),
        then="""
means = some.data.reshape(3, 2, 2, 3, 3).mean(axis=(2, 3, 4))
""",
        reveal=("Only batch norm mixes images: only there the rest of the batch matters.",),
    ),
    Step(
        name="no-company",
        code="""
forgetful = train(nn.LayerNorm)               # and no eval()
""",
        say=("The digits again, and the same network with layer norm for batch norm.",),
        question=Choice(
            ask=("Which of batch norm's troubles is it rid of?",),
            options=(
                Option("small batches", "small and not camera", "Yes."),
                Option("the bright camera", "camera and not small", "It knows no more of cameras than batch norm."),
                Option("both", "small and camera", "Of one of them."),
            ),
            hints=("Whose mean does it take off?", "Each image's own: nothing is shared, nothing stored."),
        ),
        then="""
sizes = [by(size) for size in (1, 2, 128)]
before, after = right(forgetful, x, d), right(forgetful, bright, d)
small, camera = np.ptp(sizes) < 0.01, after > before - 0.05
print("1, 2, 128 at a time:", *(f"{part:.0%}" for part in sizes))
print(f"bright camera: {after:.0%}")
""",
        reveal=(
            "No other image has a say, so training and use are alike. But brightness",
            "moves each unit by another amount. Batch norm could take that off, with a",
            "mean for each unit; layer norm has one for all units of an image.",
        ),
    ),
    Step(
        name="by-hand",
        say=(
            "One function for all of them, told over which axes to take mean and",
            "variance. (keepdims=True keeps these axes, of length one, so that μ fits.)",
        ),
        question=Program(
            ask=("Standardise x over the given axes, as the layers do in training.",),
            file="""
import numpy as np

def standardise(x, axes, eps=1e-5):
    mean = x.mean(axis=axes, keepdims=True)
    return x - mean
""",
            checks=(
                Check(
                    "standardise(np.array([[1.0], [2.0], [3.0], [4.0]]), (0,)).ravel()",
                    "[-1.34164, -0.447212, 0.447212, 1.34164]",
                    "of one to four in a batch, {got} came; {want} was wanted.",
                    (
                        Mistake("[-1.5, -0.5, 0.5, 1.5]", "the mean is off. Divide by √(variance + eps)."),
                        Mistake("np.array([-1.5, -0.5, 0.5, 1.5]) / 1.25", "divide by the root of the variance."),
                        Mistake("np.array([-3, -1, 1, 3]) / 15 ** 0.5 * 1.5", "the variance is the biased one."),
                    ),
                ),
                Check(
                    "standardise(X, (0, 2, 3))",
                    "minidl.nn.BatchNorm2d(4)(minidl.tensor(X)).data",
                    "over images, rows and columns it should be batch norm.",
                ),
                Check(
                    "standardise(X, (1, 2, 3))",
                    "minidl.nn.LayerNorm((4, 3, 3))(minidl.tensor(X)).data",
                    "over channels, rows and columns it should be layer norm.",
                ),
                Check(
                    "standardise(X, (2, 3))",
                    "minidl.nn.InstanceNorm2d(4)(minidl.tensor(X)).data",
                    "over rows and columns it should be instance norm.",
                ),
                Check(
                    "standardise(0.001 * X, (2, 3))",
                    "minidl.nn.InstanceNorm2d(4)(minidl.tensor(0.001 * X)).data",
                    "numbers as small as eps: add eps to the variance, before the root.",
                ),
            ),
            given="""
import minidl.nn
X = np.random.default_rng(0).normal(2.0, 3.0, (3, 4, 3, 3))
""",
            hints=(
                "After the mean, the variance over the same axes, with keepdims=True.",
                "x.var(axis=axes, keepdims=True); add eps, take the root, divide.",
            ),
            solution="""
import numpy as np

def standardise(x, axes, eps=1e-5):
    mean = x.mean(axis=axes, keepdims=True)
    variance = x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)
""",
        ),
        reveal=("Batch, layer, instance: a choice of axes. For group norm, reshape first.",),
    ),
    Step(
        name="what-comes-next",
        code="""
linear, norm = net[0], net[1]               # in use, with what it stored
scale = norm.weight.data / np.sqrt(norm.running_var.data + norm.eps)
W = scale[:, None] * linear.weight.data
b = scale * (linear.bias.data - norm.running_mean.data) + norm.bias.data
same = np.allclose(norm(linear(x)).data, x.data @ W.T + b, atol=1e-4)
print("two layers are one:", same)
""",
        say=(
            "In use μ, σ, γ and β are fixed numbers. So batch norm only multiplies and",
            "adds, as the layer before it does: here both are folded into one layer.",
            "",
            "Without ReLU the whole network would fold like this, however deep it is.",
            "Is depth of any use then? That is the next lesson, *Why nonlinearity*.",
        ),
    ),
)

NORMALISATION = Lesson(
    number=11,
    name="normalisation",
    title="Normalisation",
    promise="Say which numbers share a mean, in training and in use, and what goes wrong when they should not.",
    minutes=16,
    version=1,
    steps=STEPS,
    follows="nonlinearity",
    read=(
        "Ioffe and Szegedy (2015), Batch normalization.",
        "Santurkar et al. (2018), How does batch normalization help optimization?",
        "Wu and He (2018), Group normalization: small batches, and the four kinds.",
        "Ba, Kiros and Hinton (2016), Layer normalization.",
        "Li et al. (2018), Adaptive batch normalization: statistics of the new data.",
    ),
)
