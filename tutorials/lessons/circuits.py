"""Lesson 2, Circuits: what a gradient is, found by nudging; then the rule that finds all of them in one pass."""

from __future__ import annotations

from ..lesson import Check, Choice, Circuit, Exercise, Lesson, Mistake, Number, Option, Program, Step

STEPS = (
    Step(
        name="a-circuit",
        code="""
import minidl
x = minidl.scalar(-2.0, name="x")
y = minidl.scalar(5.0, name="y")
z = minidl.scalar(-4.0, name="z")
q = (x + y).named("q")
f = (q * z).named("f")
""",
        picture=Circuit("f", values=("x", "y", "z")),
        say=(
            "A formula is a circuit. This one is f = (x + y) · z.",
            "Numbers come in on the left; each gate takes some and makes one.",
            "A network is the same thing with more gates.",
        ),
    ),
    Step(
        name="the-value",
        picture=Circuit("f", values=("x", "y", "z", "q"), asked=("value f",)),
        say=("First the easy direction, left to right. + has made q = {q}.",),
        question=Number(
            ask=("What comes out at f?",),
            answer="f",
            hints=("× takes the two wires that end at it.", "f = q · z, with q = {q} and z = {z}."),
            mistakes=(
                Mistake("-f", "Right size. One of the two numbers that meet at × is negative."),
                Mistake("q + z", "That is q + z. The last gate is ×."),
                Mistake("x + y * z", "That is x + y · z. Here + comes first: it is the gate on the left."),
                Mistake("q", "That is q. One gate is still to come."),
            ),
            unforeseen="Not that. At the last gate {q} and {z} meet, and the gate is ×.",
        ),
        reveal=("That was the forward pass: every gate ran once, left to right.",),
    ),
    Step(
        name="turn-x-up",
        picture=Circuit("f"),
        code="h = 0.1",
        say=("We have the value. Now turn one input up a little and ask what f does.",),
        question=Choice(
            ask=("If x grows by {h}, f …",),
            options=(
                Option("grows", "moved > 0", "So it seems: x is added, after all."),
                Option("shrinks", "moved < 0", "So it does."),
                Option("stays", "moved == 0", "It would, if no path led from x to f."),
            ),
            hints=(
                "Follow x along its wire: first what q does, then what f does.",
                "q grows. Then q is multiplied by z = {z}.",
            ),
        ),
        then="""
f_up = (x + h + y) * z
moved = f_up - f
print("f was", f.item(), "and is now", round(f_up.item(), 4))
""",
        reveal=(
            "f went from {f} to {f_up}: it moved by {moved}. It shrank.",
            "x did push q up by {h}. But what happens to q on its way to f?",
        ),
    ),
    Step(
        name="the-rate",
        picture=Circuit("f", asked=("gradient x",)),
        say=(
            "f moved by {moved} when x moved by {h}. How fast does f change with x?",
            "That rate is the *gradient* of f for x, written ∂f/∂x: say d f by d x.",
        ),
        question=Number(
            ask=("∂f/∂x = ?",),
            answer="slope_x",
            hints=("The change of f over the change of x.", "f moved by {moved} when x moved by {h}."),
            mistakes=(
                Mistake("-slope_x", "Right size. f went down when x went up: which sign is that?"),
                Mistake("moved", "That is how far f moved. Divide it by how far x moved, {h}."),
                Mistake("f_up", "That is f after the nudge: a value. The gradient is the rate of change."),
                Mistake("h / moved", "Upside down: the change of f goes on top."),
            ),
            claim="guess * h",
            unforeseen="If it were so, moving x by {h} would move f by {claim}; it moved by {moved}.",
        ),
        then="slope_x = (moved / h).item()",
        reveal=(
            "Values stand above the wire; gradients below it, with an arrow back.",
            "Nudging is slow but honest: it needs no theory. It is our referee.",
        ),
    ),
    Step(
        name="turn-y-up",
        picture=Circuit("f", gradients=("x",), asked=("gradient y",)),
        say=("Now y. It enters the same gate as x, but its value is {y}, not {x}.",),
        question=Number(
            ask=("∂f/∂y = ?",),
            answer="slope_y",
            hints=(
                "What does y do to q? Then what does q do to f?",
                "y and x enter the same gate, and + does not tell them apart.",
            ),
            mistakes=(
                Mistake("-slope_y", "Right size: which way does z turn it?"),
                Mistake("y", "That is y itself: the value, not the gradient."),
                Mistake("q", "That is q. You want how fast f changes when y does."),
                Mistake("local", "That is how fast q changes with y. What comes after + on the way to f?"),
                Mistake("y * z", "That is y · z. It is the change of y that counts, not its size."),
            ),
            claim="guess * h",
            unforeseen="If it were so, moving y by {h} would move f by {claim}; it moves by {moved_y}.",
        ),
        then="""
moved_y = ((x + y + h) * z - f).item()
local = ((x + y + h - q) / h).item()        # how fast q changes with y
slope_y = moved_y / h
print("f moves by", round(moved_y, 4), "when y moves by", h)
""",
        reveal=("The same as for x: {slope_y}. How large y is makes no difference to +.",),
    ),
    Step(
        name="turn-z-up",
        picture=Circuit("f", gradients=("x", "y"), asked=("gradient z",)),
        say=("And z, which goes straight into ×.",),
        question=Number(
            ask=("∂f/∂z = ?",),
            answer="slope_z",
            hints=("If z grows by {h}, how much more is q · z?", "z is multiplied by q. Each unit of z brings one q."),
            mistakes=(
                Mistake("z", "That is z itself: the value, not the gradient."),
                Mistake("-slope_z", "Right size. q is positive, so f goes the way z goes."),
                Mistake("f", "That is f itself. You want how fast it changes with z."),
                Mistake("local", "That is how fast q changes with x. z does not pass through q."),
            ),
            claim="guess * h",
            unforeseen="If it were so, moving z by {h} would move f by {claim}; it moves by {moved_z}.",
        ),
        then="""
moved_z = (q * (z + h) - f).item()
slope_z = moved_z / h
""",
        reveal=(
            "{slope_z}: that is q, the other wire into ×.",
            "At ×, each input's rate is the *other* input's value. × swaps.",
        ),
    ),
    Step(
        name="one-gate",
        picture=Circuit("f", gradients=("x", "y", "z"), asked=("gradient q",)),
        say=("One wire is left, in the middle. Pretend q is an input of its own.",),
        question=Number(
            ask=("If q grows a little, how fast does f change? ∂f/∂q = ?",),
            answer="slope_q",
            hints=("q and z meet at ×, and × swaps.", "It is the value of the other wire into ×."),
            mistakes=(
                Mistake("q", "That is q; you want how fast f changes with q."),
                Mistake("-slope_q", "Right size: which way does z turn it?"),
                Mistake("f", "That is f itself; you want how fast it changes with q."),
                Mistake("local", "That is how fast q changes with x, on the left. What lies between q and f is ×."),
            ),
            claim="guess * h",
            unforeseen="If it were so, moving q by {h} would move f by {claim}; it moves by {moved_q}.",
        ),
        then="""
moved_q = ((q + h) * z - f).item()
slope_q = moved_q / h
""",
        reveal=(
            "{slope_q}: the same as for x and y. That is no accident.",
            "What reaches q is handed on by + to x and to y.",
        ),
    ),
    Step(
        name="the-rule",
        code="""
for step in minidl.autodiff.backward_steps(f):
    print(step.text)
""",
        picture=None,
        say=(
            "Here is what you have found, gate by gate, from the right.",
            "",
            "*upstream*   how fast f changes with the gate's output",
            "*local*      how fast the gate's output changes with one input",
            "",
            "          gradient of that input = upstream · local",
            "",
            "At f it begins with one, since f moves just as f does.",
            "For x: upstream {slope_q}, local {local}, so {slope_x}.",
            "That is the chain rule. Working through the circuit with it, from f",
            "back to the inputs, is *backpropagation*. Each gate needs to know only",
            "itself: none has to see the whole formula.",
        ),
    ),
    Step(
        name="one-pass",
        code="""
f.backward()
print("one pass:   ", x.grad.item(), y.grad.item(), z.grad.item())
print("the referee:", *(round(s, 4) for s in (slope_x, slope_y, slope_z)))
""",
        picture=Circuit("f", gradients=("*",)),
        say=(
            "One pass to the left gives all of them. The referee agrees.",
            "Press f for this circuit as a figure, ready for a slide.",
        ),
        figure="f",
    ),
    Step(
        name="the-count",
        code="""
from minidl import nn
lenet = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5),
                      nn.Linear(400, 120), nn.Linear(120, 84),
                      nn.Linear(84, 10))
inputs, layers = sum(p.data.size for p in lenet.parameters()), len(lenet)
""",
        say=(
            "Three nudges took three runs of the circuit. LeNet, which reads digits,",
            "has {inputs} weights and biases. (Above are its layers; only the count",
            "matters here.) Training asks for all their gradients, thousands of times.",
        ),
        question=Choice(
            ask=("All {inputs} gradients by backpropagation cost about as much as …",),
            options=(
                Option("{inputs} runs of the network", "work == inputs", "That is what nudging costs; this way, two."),
                Option("{layers} runs, one a layer", "work == layers", "It needs fewer: two."),
                Option("two runs", "work == len(f.inputs)", "So it is."),
            ),
            hints=(
                "How often did the backward pass visit each gate of f?",
                "Each gate is visited once, and sends something to each wire into it.",
            ),
        ),
        then="""
gates = sum(not node.is_leaf for node in minidl.autodiff.order(f))
sent = sum(len(event.contributions)
           for event in minidl.autodiff.backward_events(f))
work = sent / gates
print("values made going forward:", gates, "  gradients sent back:", sent)
""",
        reveal=(
            "Each gate is visited once and sends back to both wires that enter it;",
            "a layer, to what came in and to its weights. One backward pass: about",
            "the work of two runs, whatever the number of inputs.",
        ),
    ),
    Step(
        name="a-fork",
        code="""
a, b = minidl.scalar(-2.0, name="a"), minidl.scalar(5.0, name="b")
p = (a + b).named("p")
g = (p * a).named("g")
""",
        picture=Circuit("g", gradients=("p",), asked=("gradient a",)),
        say=("A new circuit, g = (a + b) · a. The wire of a forks: it feeds both gates.",),
        question=Number(
            ask=("∂g/∂a = ?",),
            answer="slope_a",
            hints=(
                "Two paths lead from a to g. Take each alone first.",
                "Straight into ×: {straight}. Through +: {through}. Moving a moves both.",
            ),
            mistakes=(
                Mistake(
                    "straight", "That is the path straight into ×. a goes through + as well: you forgot to add it."
                ),
                Mistake("through", "That is the path through +. a goes straight into × as well: you forgot to add it."),
                Mistake(
                    "straight * through",
                    "You multiplied the two paths. Along a path one multiplies; where paths meet one adds.",
                ),
                Mistake("-slope_a", "Right size, wrong sign: one path brings {straight}, the other {through}."),
                Mistake("straight - through", "Both paths push g at once, so they add: {straight} and {through}."),
            ),
            claim="guess * h",
            unforeseen="If it were so, moving a by {h} would move g by {claim}; the referee says about {moved_a}.",
        ),
        then="""
straight = p.item()                                # × swaps
through = minidl.autodiff.gradients(g)[p].item()   # + hands on p's
up, down = (a + h + b) * (a + h), (a - h + b) * (a - h)
moved_a = (up - down).item() / 2
slope_a = moved_a / h                              # nudged to both sides
""",
        reveal=(
            "{straight} and {through} make {slope_a}. *At a fork, gradients add.*",
            "Forgetting it is the commonest mistake of all.",
        ),
    ),
    Step(
        name="the-referee",
        code="""
for h in (0.1, 0.01, 0.001):
    up, down = (a + h + b) * (a + h), (a - h + b) * (a - h)
    one, both = (up - g).item() / h, (up - down).item() / (2 * h)
    print(f"h = {h:<6} one side: {one:.4f}   both sides: {both:.4f}")
by_backward = minidl.autodiff.gradients(g)[a].item()
""",
        say=(
            "This time the referee nudged a to both sides. Why?",
            "",
            "Since a meets itself at ×, g is curved in a: a step up and a step",
            "down do not change it alike. Nudged to one side, the referee is off",
            "by about h. Nudged to both, that cancels: here wholly; elsewhere a trace",
            "is left, as small as h · h.",
            "",
            "Backpropagation says {by_backward}. It needs no h at all.",
            "Nudging to both sides is how you check any gradient you write.",
        ),
    ),
    Step(
        name="your-turn",
        picture=Circuit("f", gradients=("*",)),
        say=("Back to f = (x + y) · z. The controls are yours.",),
        question=Exercise(
            ask=("Change z so that the sign of ∂f/∂x flips. z = ?",),
            name="z_new",
            code="""
z = minidl.scalar(z_new, name="z")
q = (x + y).named("q")
f = (q * z).named("f")
dx = minidl.autodiff.gradients(f)[x].item()
""",
            accept="dx * slope_x < 0",
            hints=(
                "Which number arrives at x from upstream?",
                "∂f/∂x is z itself, times {local}. Its sign is the sign of z.",
            ),
            mistakes=(Mistake("dx == 0", "With z = {z} it is neither: ∂f/∂x = {dx}, and x has no say at all."),),
            unforeseen="It ran: with z = {z}, ∂f/∂x = {dx}. The sign is still that of {slope_x}.",
            example="-z.item()",
        ),
        reveal=("It ran: ∂f/∂x = {dx}. And f itself is {f} now: the value changed as well.",),
    ),
    Step(
        name="by-hand",
        say=(
            "A gradient you write yourself is worth checking, and you can: nudge it.",
            "So the last exercise is a file of your own, in your own editor.",
        ),
        question=Program(
            ask=("Give the gradients of f = (x + y) · z for any x, y, z. df_dq is ∂f/∂q.",),
            file="""
def gradients(x, y, z):
    q = x + y
    df_dq = 0.0        # what × sends to q
    df_dz = 0.0        # and to z
    df_dx = df_dy = df_dq
    return df_dx, df_dy, df_dz
""",
            checks=(
                Check("len(gradients(-2.0, 5.0, -4.0))", "3", "one number for each of x, y and z, please; {got} came."),
                Check(
                    "gradients(-2.0, 5.0, -4.0)",
                    "nudge(lambda v: (v[0] + v[1]) * v[2], np.array([-2.0, 5.0, -4.0]))",
                    "at the numbers of this lesson, {got} came back; the referee has {want}.",
                    (Mistake("(0, 0, 0)", "the zeros are still there. What does × send to each of its wires?"),),
                ),
                Check(
                    "gradients(1.5, -0.5, 2.0)",
                    "nudge(lambda v: (v[0] + v[1]) * v[2], np.array([1.5, -0.5, 2.0]))",
                    "at other numbers, {got} came back; the referee has {want}. Use x, y and z, not their values.",
                ),
            ),
            hints=("At ×, each wire gets the value of the other one.", "q gets z, and z gets q."),
            solution="""
def gradients(x, y, z):
    q = x + y
    df_dq = z
    df_dz = q
    df_dx = df_dy = df_dq
    return df_dx, df_dy, df_dz
""",
        ),
        reveal=("Backward code, checked by nudging: so is every gate of minidl tested.",),
    ),
    Step(
        name="what-comes-next",
        code="""
W = minidl.tensor([[1., 2.], [3., -1.]], requires_grad=True, name="W")
x = minidl.tensor([1., -1.], requires_grad=True, name="x")
b = minidl.tensor([0.5, -2.], requires_grad=True, name="b")
u = (W @ x).named("u")
v = (u + b).named("v")
z = minidl.squared_norm(v).named("z")
""",
        picture=Circuit("z"),
        say=(
            "The same rules with matrices on the wires: values go right, gradients come",
            "back. (‖·‖² adds up the squares.) But what is the gradient of a matrix?",
            "That is the next lesson, Tensors: minidl tutorial tensors",
        ),
    ),
)

CIRCUITS = Lesson(
    number=2,
    name="circuits",
    title="Circuits",
    promise="Find every gradient of a formula in one pass, and check it by nudging.",
    minutes=14,
    version=2,
    steps=STEPS,
    follows="tensors",
    read=(
        "Rumelhart, Hinton and Williams (1986), Learning representations by",
        "  back-propagating errors: the four pages that made it known.",
        "Baydin et al. (2018), Automatic differentiation in machine learning: a survey.",
    ),
)
