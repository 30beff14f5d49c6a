"""Lesson 8, Inputs: what positive, unequal and related inputs do to the bowl that training goes down, and the cure."""

from __future__ import annotations

from ..lesson import Check, Choice, Lesson, Mistake, Number, Option, Pick, Picture, Program, Shape, Step

STEPS = (
    Step(
        name="all-one-way",
        code="""
import minidl, numpy as np
pixels = minidl.tensor([0.9, 0.2, 0.6])  # of an image: never below 0
w = minidl.tensor([0.5, -1.0, 0.3], requires_grad=True)
y = w @ pixels
print("y =", round(y.item(), 2))
""",
        say=(
            "One unit takes three pixels in, and its output is y = w · x. A loss then",
            "asks y to be something else, and each weight gets its gradient.",
        ),
        question=Choice(
            ask=("The signs of the three gradients are …",),
            options=(
                Option("all alike", "alike", "Yes, whatever the loss asks for."),
                Option(
                    "those of the weights", "not alike", "The weights are not in it: at a product, the other factor is."
                ),
                Option("in no order", "not alike", "There is an order. What is a weight's gradient made of?"),
            ),
            hints=(
                "At a product, each input's gradient is upstream times the *other* input.",
                "Upstream is one number for the whole unit. And which signs have the pixels?",
            ),
        ),
        then="""
signs = []
for target in (-1.0, 0.5, 2.0):
    slope, = minidl.grad((w @ pixels - target) ** 2, [w])
    print(f"asked for {target:4}: ∂loss/∂w =", slope.data.round(2))
    signs.append(np.sign(slope.data))
alike = all(abs(s.sum()) == 3 for s in signs)
""",
        reveal=(
            "∂loss/∂w is upstream · x: one number for the unit, times what is positive.",
            "For one example, its weights all go up together, or all go down.",
        ),
    ),
    Step(
        name="zigzag",
        code="""
draw = np.random.default_rng(1)
z = draw.normal(size=(200, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
X = np.array([3.0, 2.0]) + z * np.array([1.0, 0.4])   # all positive
t = X @ np.array([1.0, -1.0]) + 0.1 * draw.normal(size=200)
print("smallest input:", X.min().round(2))
goal = np.array([1.0, -1.0])
""",
        say=(
            "Is that bad? Here are {X.shape[0]} examples of two positive inputs. Their target is",
            "about x₁ − x₂. Both weights begin at zero: one must go up, the other down.",
        ),
        question=Choice(
            ask=("Trained on one example after the other, the weights get there …",),
            options=(
                Option(
                    "on a straight line",
                    "walked < 2 * direct",
                    "One up, one down in one step? No example asks for that.",
                ),
                Option("in a zigzag", "walked > 5 * direct and away < 0.5", "Yes."),
                Option("never", "away > 0.5", "They can: up together a bit, then down together by other amounts."),
            ),
            hints=("Which steps can an example ask for?", "Both up, or both down. But not both by the same amount."),
        ),
        then="""
def walk(X, t, lr):
    way = [np.zeros(2)]
    for x, target in zip(X, t):
        way.append(way[-1] - lr * (way[-1] @ x - target) * x)
    steps = np.diff(way, axis=0)                     # upstream · x each
    one_way = (steps.prod(axis=1) > 0).mean()
    walked, away = np.hypot(*steps.T).sum(), np.hypot(*(way[-1] - goal))
    print(f"both weights one way in {one_way:.0%} of the steps;"
          f" walked {walked:.1f}, {away:.2f} from the goal")
    return walked, away
direct = np.hypot(*goal)
walked, away = walk(X, t, 0.1)
""",
        reveal=("Each step moves both weights one way. They walk {walked:.0f}, where {direct:.1f} would do.",),
    ),
    Step(
        name="centred",
        code="""
C, tc = X - X.mean(axis=0), t - t.mean() # centred
closer = walk(C, tc, 0.3)                # raw inputs do not bear this lr
def bowl(X, t):                          # the loss over w₁ and w₂
    (p, q), (_, r) = X.T @ X / len(X)    # mean of ½(w · x − t)²
    m, n = X.T @ t / len(X)
    return lambda a, b: ((p * a * a + 2 * q * a * b + r * b * b) / 2
                         - m * a - n * b + (t * t).mean() / 2)
""",
        say=(
            "*Centre* the inputs: take from each its mean over the examples. (And from",
            "the target its own, which otherwise a bias would have to learn.) Now they",
            "have both signs, and an example may send one weight up and one down.",
            "Three in four still do not, since the two inputs grow together: see below.",
            "",
            "So much for one example. Over many, upstream has both signs, and so may",
            "the mean gradient. What do raw inputs do to the mean loss? To see it, bowl",
            "is that loss, written out as a function of w₁ and w₂.",
        ),
    ),
    Step(
        name="the-cut",
        code="""
a, b = np.meshgrid(np.linspace(-2, 2, 12), np.linspace(2, -2, 12))
cut = 1.0 * (bowl(X, 0 * t)(a, b) > 0.5)    # its middle put at zero
A, B, D = 1.0 * (a * a + b * b > 2), cut[::-1], cut
""",
        say=(
            "The loss over the two weights is a bowl. Cut it at some height, and look",
            "from above: w₁ to the right, w₂ upwards. Inside, dark, the loss is low.",
        ),
        question=Pick(
            ask=("Both inputs are positive. The cut is …",),
            options=(
                Option("round", "abs(tilt) < 0.1", "It would be, if no way were steeper than another.", picture="A"),
                Option("long, rising", "tilt > 0.1", "Both up moves every y up: that way is steep.", picture="B"),
                Option("long, falling", "tilt < -0.1", "Yes: one up, one down, and no y changes much.", picture="D"),
            ),
            hints=(
                "Turn both weights up: what happens to each y? And one up, one down?",
                "Where y hardly moves the loss hardly moves, and the bowl is long.",
            ),
            rows=6,
        ),
        then="""
from minidl import optim
from viz import plots
def descent(X, t):
    (low, high), axes = np.linalg.eigh(X.T @ X / len(X))
    best = 2 / (low + high)                           # of all rates
    path = plots.descend(
        bowl(X, t), (0.0, 0.0), lambda p: optim.SGD(p, lr=best), 500)
    far = np.hypot(*(path - np.linalg.solve(X.T @ X, X.T @ t)).T)
    return path, int((far > 0.001 * far[0]).sum()), high / low, axes[:, 0]
path, raw, steeper, flat = descent(X, t)
tilt = flat[0] * flat[1]
figure = plots.contours(bowl(X, t), {"the first 12 steps": path[:13]},
                        x_range=(-0.6, 1.6), y_range=(-1.4, 0.8), levels=8)
""",
        reveal=(
            "np.linalg.eigh gives the flattest way and the steepest, and the curvature",
            "of both: here the one is {steeper:.0f} times as curved as the other.",
        ),
    ),
    Step(
        name="the-valley",
        picture=Picture(
            "figure",
            "A long valley that falls to the right; the path goes across it, to and fro, and hardly along.",
            10,
        ),
        code="print(raw, 'steps, until a thousandth of the way is left')",
        say=(
            "Here is gradient descent in it, on all examples, at the best lr there is.",
            "With one a hundredth larger it never settles; on the long way it crawls.",
        ),
        question=Choice(
            ask=("With centred inputs and the best lr for them, it takes …",),
            options=(
                Option("as many steps", "centred > 0.8 * raw", "The mean was what made one way so steep."),
                Option(
                    "about half",
                    "raw / 3 < centred <= 0.8 * raw",
                    "Still fewer. The mean was what made one way so steep.",
                ),
                Option("less than a third", "centred <= raw / 3", "Yes."),
            ),
            hints=("What makes the steep way so steep?", "Both inputs being far above zero, in every example."),
        ),
        then="""
_, centred, *_ = descent(C, tc)
print(f"raw {raw} steps, centred {centred}")
""",
        reveal=("Means are subtracted, and nothing else: {raw} steps become {centred}.",),
    ),
    Step(
        name="units",
        code="""
print("standard deviations:", C.std(axis=0).round(2))
""",
        say=(
            "What is left? The inputs differ in *standard deviation*, the root of their",
            "mean square once centred. That depends on the unit they come in; and with",
            "it the bowl's curvature, how fast its slope grows along a way.",
        ),
        question=Number(
            ask=("x₂ is in metres. Write it in centimetres.", "How many times as curved is the bowl along w₂ then?"),
            answer="curved",
            hints=(
                "All numbers x₂ are a hundred times as large. The gradient of w₂ is upstream · x₂.",
                "And w₂ moves y, and so upstream, a hundred times as much as well.",
            ),
            mistakes=(
                Mistake("100", "So much larger is x₂. It is in the gradient twice: beside upstream, and in it."),
                Mistake("1", "The things are the same. But the numbers that w₂ meets are not."),
                Mistake("1 / 100", "So much smaller is the best w₂. The bowl is more curved, not less."),
                Mistake("1 / 10000", "Upside down: larger numbers make a steeper bowl."),
                Mistake("200", "Not added: multiplied."),
            ),
            unforeseen="The curvature along w₂ is the mean of x₂². What becomes of it?",
        ),
        then="""
cm, S = C * np.array([1.0, 100.0]), C / C.std(axis=0)
curved = round((cm[:, 1] ** 2).mean() / (C[:, 1] ** 2).mean(), 6)
for name, inputs in {"metres": C, "centimetres": cm, "÷ std": S}.items():
    print(f"{name:12} curvatures"
          f" {np.linalg.cond(inputs.T @ inputs):8.1f} to 1")
_, standard, *_ = descent(S, tc)
""",
        reveal=(
            "A unit was not chosen for your training. Divide each input by its standard",
            "deviation, and no unit matters: *standardised*, it takes {standard} steps.",
        ),
    ),
    Step(
        name="related",
        code="""
def correlation(D):                      # of centred inputs
    return D.prod(axis=1).mean() / D.std(axis=0).prod()
print("correlation of the inputs:", correlation(C).round(2))
""",
        say=(
            "The two inputs grow together. Their *correlation* is the mean of their",
            "product, over both standard deviations: one if all lie on a rising line,",
            "zero if neither rises or falls with the other.",
        ),
        question=Choice(
            ask=("After dividing each input by its standard deviation, it is …",),
            options=(
                Option("gone", "abs(after) < 0.01", "Each input was divided on its own. What they share stays."),
                Option("as it was", "np.isclose(after, before)", "Yes."),
                Option("larger", "after > before + 0.01", "It has no unit to begin with."),
            ),
            hints=("Does it have a unit?", "Each input on its own is stretched. Is a tilted cloud upright then?"),
        ),
        then="""
from minidl.data.preprocess import principal_axes
before, after = correlation(C), correlation(S)
_, variances, axes = principal_axes(X)   # the longest way, and across
T = C @ axes.T                           # turned
W = T / np.sqrt(variances)               # and scaled
clouds = plots.clouds({"data": X, "− mean": C, "÷ std": S,
                       "turned (PCA)": T, "whitened": W})
""",
        picture=Picture(
            "clouds",
            "Five clouds: a tilted ellipse off the middle, centred, with equal spreads, turned upright, and round.",
            8,
        ),
        reveal=(
            "To lose it, *turn* the cloud onto its own axes, the principal components",
            "(PCA), and only then scale.",
        ),
    ),
    Step(
        name="whitened",
        say=(
            "Turned and scaled, inputs are *whitened*: mean zero, deviation one, and",
            "unrelated. Steps so far: raw {raw}, centred {centred}, ÷ std {standard}.",
        ),
        question=Number(
            ask=("How many steps does gradient descent take now, with the best lr?",),
            answer="white",
            hints=(
                "What does the cut of the bowl look like now?",
                "In a round bowl, where does the steepest way lead?",
            ),
            mistakes=(
                Mistake("standard", "That is with ÷ std, where the cut was still an ellipse."),
                Mistake("2", "Fewer. In a round bowl the first step needs no correction."),
                Mistake("0", "It begins at zero, and the goal is elsewhere."),
                Mistake("10", "Fewer. In a round bowl the steepest way leads to the middle."),
                Mistake("centred", "Turning alone would leave it at that. But scaled as well?"),
            ),
            unforeseen="A whole number, and smaller than all before. The bowl is round now.",
        ),
        then="""
_, white, ratio, _ = descent(W, tc)
print(f"curvatures {ratio:.4f} to 1, steps: {white}")
""",
        reveal=(
            "In a round bowl, downhill is straight to the goal. So it is for one layer",
            "and a squared loss. A deep network's bowl is not round, whatever comes in:",
            "hence the optimizers of lesson six.",
        ),
    ),
    Step(
        name="the-mean-image",
        code="""
from minidl import data
images = draw.random((500, 3, 32, 32)).astype("f")   # colour images
center = data.MeanImage.fit(images)
""",
        say=(
            "Images as (N, channels, rows, columns). Lecture notes name three ways:",
            "subtract the mean image (AlexNet), or the mean of each channel (VGG), or",
            "that, and divide by each channel's standard deviation (ResNet, they say:",
            "its paper has the first, programs that train it mostly the third).",
        ),
        question=Shape(
            ask=("What shape is the mean image?",),
            answer="center.mean.shape",
            hints=("Each pixel of each channel has a mean of its own.", "Only the axis over images is averaged away."),
            mistakes=(
                Mistake("(3,)", "Those are the means of the channels, the second way."),
                Mistake("(32, 32, 3)", "So the notes write it, channels last. Here they come first, as in images."),
                Mistake(
                    "(1, *center.mean.shape)", "So it stands before the images. The image itself has no axis over them."
                ),
                Mistake("(32, 32)", "The three channels have a mean each, at every pixel."),
                Mistake("images.shape", "That is all of the images. Their mean is one image."),
                Mistake("(500,)", "That would be a mean for each image. It is one for each place."),
                Mistake("()", "One number for all? It takes one for each place in each channel."),
            ),
            unforeseen="The mean image is an image: {guess} is not the shape of one.",
        ),
        then="""
channels = data.ChannelMean.fit(images).mean
print("mean image", center.mean.shape, " channel means", channels.shape)
""",
        reveal=("{center.mean.size} numbers, or {channels.size}. The means of channels fit images of any size.",),
    ),
    Step(
        name="pixels-that-never-change",
        code="""
digits = data.digits()                   # 8 × 8 pixels, none below zero
train, test = digits.images[:1000], digits.images[1000:]
std = train.std(axis=0).ravel()
dead = (std == 0).sum()
""",
        say=(
            "Why not divide each *pixel* by its own standard deviation? Of the digits'",
            "{std.size} pixels {dead} are always dark in training: zero / zero is nan. Leave those.",
        ),
        question=Choice(
            ask=("Standardise the others. The largest number in the test images is …",),
            options=(
                Option(
                    "three or four",
                    "worst < 10",
                    "As in a bell curve? Some pixels were lit in one image of a thousand.",
                ),
                Option(
                    "about thirty", "10 < worst < 90", "Still more: some pixels were lit in one image of a thousand."
                ),
                Option("above ninety", "worst > 90", "Yes."),
            ),
            hints=(
                "How small may a standard deviation be that is not zero?",
                "Think of a pixel that was lit once, faintly, in a thousand images.",
            ),
        ),
        then="""
lit = std > 0
z = (test - train.mean(axis=0)).reshape(len(test), -1)[:, lit] / std[lit]
worst = np.abs(z).max()
print(f"largest: {worst:.0f} standard deviations")
""",
        reveal=(
            "A rare pixel is blown up until it outweighs all others. Whitening does so",
            "in every direction of little spread. So images are mostly just centred,",
            "perhaps scaled by channel; what has units of its own is standardised.",
        ),
    ),
    Step(
        name="whose-mean",
        code="""
from minidl import nn
center = data.MeanImage.fit(train)
model = nn.Linear(64, 10)
sgd = optim.SGD(model.parameters(), lr=1.0)
x = minidl.tensor(center(train).reshape(-1, 64))
d = minidl.tensor(digits.labels[:1000])
for _ in range(100):
    sgd.zero_grad()
    nn.functional.cross_entropy(model(x), d).backward(); sgd.step()
def right(images):
    scores = model(minidl.tensor(images.reshape(-1, 64))).data
    return (scores.argmax(axis=1) == 0).mean()
zeros = test[digits.labels[1000:] == 0]
usual = f"{right(center(zeros)):.0%}"
""",
        say=(
            "A layer, trained on digits less their mean image. Today only zeros come.",
            "Less the same mean, {usual} of them are right.",
        ),
        question=Choice(
            ask=("With *their own* mean subtracted instead, how many are right?",),
            options=(
                Option("as many", "own > 0.9", "Same images, same network. But what is the mean of zeros?"),
                Option("about half", "0.3 < own <= 0.9", "Worse. What is the mean of zeros?"),
                Option("hardly any", "own <= 0.3", "Yes."),
            ),
            hints=("What does the mean of many zeros look like?", "It looks like a zero, and it is subtracted."),
        ),
        then="""
own = right(data.MeanImage.fit(zeros)(zeros))
print(f"with their own mean subtracted: right {own:.0%}")
""",
        reveal=(
            "The mean of zeros *is* a zero, and it is gone. Of one image alone nothing",
            "would be left. So measure the training set, keep that, and do the same to",
            "all that comes: then no test image has a say in its own test.",
        ),
    ),
    Step(
        name="by-hand",
        say=(
            "Your turn: a standardiser, fitted once and then applied to anything.",
            "Remember the pixels that never change: do not divide by zero there.",
        ),
        question=Program(
            ask=("Make fit return a function that standardises by what fit has seen.",),
            file="""
import numpy as np

def fit(train):              # (N, D), an example a row
    mean = train.mean()
    def apply(x):            # (M, D), standardised
        return x - mean
    return apply
""",
            given="""
draw = np.random.default_rng(0)
TRAIN = np.column_stack([draw.normal(3, 2, 50), draw.normal(-1, 0.1, 50)])
TEST = np.array([[5.0, -1.2], [1.0, -0.7], [3.0, -1.1]])
MEAN, STD = TRAIN.mean(axis=0), TRAIN.std(axis=0)
""",
            checks=(
                Check(
                    "fit(TRAIN)(TRAIN).mean(axis=0)",
                    "np.zeros(2)",
                    "after it, the means of the training inputs are {got}: each input needs a mean of its own.",
                ),
                Check(
                    "fit(TRAIN)(TRAIN).std(axis=0)",
                    "np.ones(2)",
                    "after it, the standard deviations are {got}, not one.",
                ),
                Check(
                    "fit(TRAIN)(TEST)",
                    "(TEST - MEAN) / STD",
                    "of the test inputs it makes {got}, and {want} is wanted.",
                    (
                        Mistake(
                            "(TEST - TEST.mean(axis=0)) / TEST.std(axis=0)",
                            "apply has measured the test inputs: fit measures, apply only uses.",
                        ),
                        Mistake(
                            "(TEST - MEAN) / TEST.std(axis=0)",
                            "the standard deviation is that of the test inputs. Take the training's.",
                        ),
                    ),
                ),
                Check(
                    "fit(np.ones((4, 2)))(np.ones((4, 2)))",
                    "np.zeros((4, 2))",
                    "where an input never changes, {got} came back. Zero / zero: divide by one there.",
                ),
            ),
            hints=(
                "A mean and a std for each column: both take an axis, that of the examples.",
                "Measure both in fit, put one where std is zero, and only use them in apply.",
            ),
            solution="""
import numpy as np

def fit(train):
    mean, std = train.mean(axis=0), train.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    def apply(x):
        return (x - mean) / std
    return apply
""",
        ),
        reveal=(
            "fit sees the training set only. So do MeanImage, ChannelMean, Standardize,",
            "PCA and ZCA (whitening that leaves images images) of minidl.data.",
        ),
    ),
    Step(
        name="what-comes-next",
        code="""
hidden = W                               # whitened: mean 0, deviation 1
for layer in range(5):
    weights = draw.normal(size=(hidden.shape[1], 50))
    hidden = np.maximum(0, hidden @ weights)
    print(f"layer {layer + 1}: mean {hidden.mean():10.3g}, "
          f"deviation {hidden.std():10.3g}")
""",
        say=(
            "Now the first layer's inputs are as they should be. But each layer is the",
            "input of the next, and what weights drawn at random make of it is above:",
            "never below zero again, and larger from layer to layer.",
            "",
            "How large should the first weights be? That is the next lesson,",
            "Initialisation.",
        ),
    ),
)

INPUTS = Lesson(
    number=8,
    name="inputs",
    title="Inputs",
    promise="Say why inputs are centred and scaled, and whose mean is taken.",
    minutes=15,
    version=1,
    steps=STEPS,
    follows="initialisation",
    read=(
        "LeCun, Bottou, Orr and Müller (1998), Efficient BackProp: centred, equal and",
        "  unrelated inputs, and why.",
        "Krizhevsky (2009), Learning multiple layers of features from tiny images:",
        "  the whitening of images, in appendix A.",
    ),
)
