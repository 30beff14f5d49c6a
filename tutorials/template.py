"""Template: a lesson to start from. Replace one step after the other; play it with `minidl tutorial FILE`.

Every number in a sentence is a name of the code, in braces: nothing is typed that the engine could compute.
"""

from __future__ import annotations

from tutorials.lesson import Check, Lesson, Mistake, Number, Option, Pick, Picture, Program, Step

STEPS = (
    Step(
        name="the-surprise",
        code="""
import numpy as np
import minidl
from minidl.nn import functional as F
x = minidl.tensor(np.linspace(-6, 6, 121), requires_grad=True)
y = F.sigmoid(x)
curve = y.data
""",
        picture=Picture("curve", "An S that rises from {curve[0]:.3f} to {curve[120]:.3f}, through {curve[60]}."),
        say=("Show what happens, and ask before you explain.",),
        question=Number(
            ask=("How steep is it in the middle?",),
            answer="steepest",
            hints=("It climbs by one in all.", "Take the middle and its neighbour: rise over run."),
            mistakes=(
                Mistake("curve[60]", "That is its height there: a value. You want how fast it climbs."),
                Mistake("1.0", "It would cross from floor to ceiling in one unit. Look at the picture."),
                Mistake("(curve[120] - curve[0]) / 12", "That is how steep it is from end to end, on average."),
                Mistake("0.0", "Flat it is at the ends."),
            ),
            unforeseen="Not that. It climbs by about {step:.3f} from one place to the next, {dx:.1f} apart.",
        ),
        then="""
y.sum().backward()
slope = x.grad.data
steepest, step = slope[60].item(), curve[61] - curve[60]
dx = x.data[61] - x.data[60]
""",
        reveal=("{steepest}, and nowhere steeper. Then say the rule that explains it.",),
    ),
    Step(
        name="one-idea",
        code="flat, steps = np.ones(121), np.sign(x.data)",
        say=("One idea a step. A sketch is a good question.",),
        question=Pick(
            ask=("Which one is its slope?",),
            options=(
                Option("the same everywhere", "slope.std() == 0", "Then it would be a line.", picture="flat"),
                Option("a bump", "slope.argmax() == 60", "Yes: steep in the middle, flat far out.", picture="slope"),
                Option("a jump", "slope.min() < 0", "A slope below zero? It never falls.", picture="steps"),
            ),
            hints=("Where does it climb fastest?", "And far out, does it climb at all?"),
        ),
        then="far = slope[0]",
        reveal=("At the left end it is {far:.4f}: almost nothing gets through.",),
    ),
    Step(
        name="your-turn",
        say=("Give the hand back: an exercise that is checked by running it.",),
        question=Program(
            ask=("Give the slope of the sigmoid at any x.",),
            file="""
import math

def sigmoid(x):
    return 1 / (1 + math.exp(-x))

def slope(x):
    return 0.0         # your formula
""",
            checks=(
                Check("slope(0.0)", "nudge(sigmoid, 0.0)", "{got} in the middle; the referee has {want}."),
                Check("slope(2.0)", "nudge(sigmoid, 2.0)", "{got} further out; the referee has {want}."),
            ),
            hints=("Write s for the sigmoid. The slope can be said with s alone.", "s · (1 − s)"),
            solution="""
import math

def sigmoid(x):
    return 1 / (1 + math.exp(-x))

def slope(x):
    return sigmoid(x) * (1 - sigmoid(x))
""",
        ),
        reveal=("End on what this opens: the next lesson.",),
    ),
)

TEMPLATE = Lesson(
    number=99,
    name="template",
    title="Template",
    promise="One line: what one can do afterwards.",
    minutes=5,
    version=1,
    steps=STEPS,
    read=("Author (year), Title: why to read it.",),
)
