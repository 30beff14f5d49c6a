"""Lesson 3, Tensors: the gradient of a matrix, by the rules of lesson 2 entry by entry, then in one line."""

from __future__ import annotations

from ..lesson import Check, Choice, Circuit, Exercise, Lesson, Mistake, Number, Option, Picture, Program, Shape, Step

STEPS = (
    Step(
        name="arrays-on-the-wires",
        code="""
import minidl, numpy as np
def leaf(data, name): return minidl.tensor(
    data, dtype=minidl.float64, requires_grad=True, name=name)
W, x = leaf([[1, 2], [3, -1]], "W"), leaf([1, -1], "x")
b = leaf([0.5, -2], "b")
u = (W @ x).named("u")
v = (u + b).named("v")
z = minidl.squared_norm(v).named("z")
""",
        picture=Circuit("z", values=("W", "x", "b")),
        say=(
            "A layer of a network, and one number that says how large its output is:",
            "‖v‖² is the sum of the squares of the entries of v.",
        ),
    ),
    Step(
        name="forward",
        picture=Circuit("z", values=("W", "x", "b"), asked=("value u",)),
        say=("Row by row: each entry of u is a row of W times x, summed.",),
        question=Number(
            ask=("u = Wx = ?",),
            answer="u",
            hints=(
                "The first: the first row of W with x, entry by entry, added up.",
                "Row {W.data[0]} with x = {x}; then row {W.data[1]}.",
            ),
            mistakes=(
                Mistake("W.data.T @ x.data", "That is Wᵀx: you went down the columns of W. Go along its rows."),
                Mistake("W.data.sum(1)", "Those are the sums of the rows. The second entry of x is negative."),
                Mistake("v", "You added b already: that is v. Before it, at u?"),
                Mistake("-u.data", "Right sizes, wrong signs."),
            ),
            unforeseen="The first row: {W.data[0][0]:()} · {x.data[0]:()} + {W.data[0][1]:()} · {x.data[1]:()} = "
            "{u.data[0]}. The second goes the same way.",
        ),
        then="""
print("v = Wx + b =", v.data, "   z = ‖v‖² =", z.item())
""",
        reveal=("b is added, and ‖·‖² sums the squares of the entries: z = {z}.",),
    ),
    Step(
        name="the-shape",
        code="""
M = leaf([[2, 0], [1, 1], [0, -3]], "M")       # 3 rows, 2 columns
c = minidl.squared_norm(M @ x)                 # one number
print("M", M.shape, " x", x.shape, " M @ x", (M @ x).shape, " c", c.shape)
""",
        say=(
            "First a question of shape, and for it a matrix that is not square.",
            "c is one number. Turn one entry of M a little, and c moves at some rate.",
        ),
        question=Shape(
            ask=("All those rates together are ∂c/∂M. What shape is it?",),
            answer="dM.shape",
            hints=("How many entries of M can you turn?", "One rate for each entry of M: put it where the entry is."),
            mistakes=(
                Mistake("M.shape[::-1]", "Transposed. Each rate stands where its entry of M stands."),
                Mistake("()", "c is one number, but it has a rate for each entry of M you could turn."),
                Mistake("(M @ x).shape", "That is the shape of Mx. It is M you turn."),
                Mistake("x.shape", "That is the shape of x. It is M you turn."),
                Mistake("(M @ x).shape + M.shape", "That would be the rates of all of Mx. c is a single number."),
                Mistake("(M.data.size,)", "The right count. Keep each rate where its entry of M stands."),
            ),
            unforeseen="A shape of {guess} has room for {room}. How many entries has M, and where?",
        ),
        then="""
def nudged(f, a, h=0.1):         # the referee: each entry, to both sides
    rates = np.zeros_like(a)
    for i in np.ndindex(a.shape):
        e = np.zeros_like(a)
        e[i] = h
        rates[i] = (f(a + e) - f(a - e)) / (2 * h)
    return rates
dM = nudged(lambda M: minidl.squared_norm(M @ x.data), M.data)
print("nudged:", dM.shape,
      " by backward:", minidl.autodiff.gradients(c)[M].shape)
""",
        reveal=(
            "*A gradient has the shape of its value*, always. It must: training",
            "subtracts the one from the other, entry by entry.",
        ),
    ),
    Step(
        name="the-square",
        picture=Circuit("z", asked=("gradient v",)),
        say=("Back to the circuit. Start on the right: z = v₁² + v₂².",),
        question=Number(
            ask=("∂z/∂v = ?",),
            answer="dv",
            hints=(
                "Each entry by itself: how fast does t² change with t?",
                "At t the slope of t² is t + t. The entries are {v}.",
            ),
            mistakes=(
                Mistake("v", "That is v itself. v₁ · v₁ forks: v₁ enters it twice, and gradients add."),
                Mistake("v.data ** 2", "Those are the squares, the values. You want their slopes."),
                Mistake("-dv", "Right sizes. A negative entry shrinks when it is turned up: so does its square."),
                Mistake("np.abs(dv)", "Right sizes. Turn v₁ up, towards zero: which way does its square go?"),
            ),
            claim="h * guess[0]",
            unforeseen="If it were so, turning v₁ up by {h} would move z by about {claim}. Try it on paper.",
        ),
        then="""
h = 0.1
dv = nudged(minidl.squared_norm, v.data)
two_v = v.data + v.data
""",
        reveal=(
            "The referee finds {dv}, and v + v is {two_v}: the gradient is 2v.",
            "v₁ · v₁ is a fork: v₁ enters × twice, and gradients add.",
            "(That u reads the same as this gradient is chance.)",
        ),
    ),
    Step(
        name="the-bias",
        picture=Circuit("z", gradients=("v",), asked=("gradient b",)),
        say=("Next gate to the left: v = u + b, entry by entry.",),
        question=Number(
            ask=("∂z/∂b = ?",),
            answer="db",
            hints=(
                "What did + do with what reached it in lesson 2?",
                "Its local slope is one for each entry. Upstream is {dv}.",
            ),
            mistakes=(
                Mistake("b", "That is b itself: the value, not the gradient."),
                Mistake("v", "That is v: a value. What arrives at + from upstream is ∂z/∂v."),
                Mistake("dv * b.data", "+ does not multiply by its inputs. That was ×."),
                Mistake("np.ones(2)", "That is the local slope of +. What arrives from upstream?"),
                Mistake("-db", "Right sizes, wrong signs: + hands on what it gets as it is."),
            ),
            unforeseen="+ has one local slope for every entry, and upstream is {dv}.",
        ),
        then="db = dv",
        reveal=("+ hands on what arrives, to b and to u alike: {db}.",),
    ),
    Step(
        name="one-entry-of-x",
        picture=Circuit("z", gradients=("v", "b", "u")),
        say=(
            "Now Wx. x₁ enters both rows: u₁ = W₁₁x₁ + W₁₂x₂, u₂ = W₂₁x₁ + W₂₂x₂.",
            "So the wire of x₁ forks.",
        ),
        question=Number(
            ask=("∂z/∂x₁ = ?",),
            answer="dx1",
            hints=(
                "Two paths: through u₁ and through u₂. Each brings upstream · local.",
                "{W.data[0][0]:()} · {du[0]:()} by way of u₁, {W.data[1][0]:()} · {du[1]:()} by way of u₂.",
            ),
            mistakes=(
                Mistake("paths[0]", "That is the path through u₁. x₁ feeds u₂ as well: you forgot to add it."),
                Mistake(
                    "paths[1]",
                    "That is the path through u₂. x₁ feeds u₁ as well: you forgot to add it "
                    "(or you nudged to one side only).",
                ),
                Mistake("(W.data @ du)[0]", "You went along the first row of W. x₁ meets the first *column*."),
                Mistake(
                    "W.data[:, 0].sum()",
                    "Those are the local slopes, added. Each is multiplied by what arrives upstream.",
                ),
                Mistake("-dx1", "Right size, wrong sign."),
                Mistake("x.data[0]", "That is x₁ itself: the value, not the gradient."),
            ),
            claim="guess * h",
            unforeseen="If it were so, turning x₁ up by {h} would move z by about {claim}; "
            "the referee, nudging to both sides, says about {moved}.",
        ),
        then="""
du = db                                         # + sent the same to u
paths = [W.data[0, 0] * du[0], W.data[1, 0] * du[1]]
dx1 = sum(paths)
dx = nudged(lambda x: minidl.squared_norm(W.data @ x + b.data), x.data)
moved = h * dx[0]
""",
        reveal=("{paths[0]} and {paths[1]}: a fork, so they add: {dx1}. The referee says {dx[0]}.",),
    ),
    Step(
        name="all-of-x",
        code="""
print(W.data.T @ du)               # columns of W with upstream
""",
        picture=Circuit("z", gradients=("v", "b", "u", "x")),
        say=(
            "x₁ met the first column of W, x₂ meets the second. All of x at once:",
            "                    ∂z/∂x = Wᵀ · upstream",
            "Forward multiplies by W; backward multiplies by its transpose.",
        ),
    ),
    Step(
        name="the-matrix",
        picture=Circuit("z", gradients=("v", "b", "u", "x"), asked=("gradient W",)),
        say=("And W. Its entry W₁₂ meets x₂ only, and reaches u₁ only.",),
        question=Number(
            ask=("∂z/∂W = ?   (row by row)",),
            answer="dW",
            hints=(
                "Wᵢⱼ is multiplied by xⱼ and goes into uᵢ.",
                "Row i is upstream's entry i times x. Upstream {du}, x {x}.",
            ),
            mistakes=(
                Mistake("dW.T", "Transposed: that is x · upstreamᵀ. Wᵢⱼ goes into uᵢ, so rows follow upstream."),
                Mistake("W", "That is W itself: the value, not the gradient."),
                Mistake("-dW", "Right sizes, wrong signs."),
                Mistake(
                    "W.data * du[:, None]",
                    "You multiplied upstream by W. At a product each rate is the *other* input: x.",
                ),
                Mistake(
                    "np.outer(du, [1, 1])",
                    "That is upstream alone. Each entry of W is also multiplied by an entry of x.",
                ),
                Mistake("np.outer([1, 1], x.data)", "That is the local part, x. It is multiplied by upstream."),
            ),
            unforeseen="W₁₁ has upstream {du[0]} and meets {x.data[0]}: its rate is {dW[0][0]}.",
        ),
        then="dW = np.outer(du, x.data)          # row i is du[i] * x",
        reveal=(
            "                    ∂z/∂W = upstream · xᵀ",
            "Rows follow upstream, columns follow x: the shape of W.",
        ),
    ),
    Step(
        name="one-pass",
        code="z.backward()",
        picture=Circuit("z", gradients=("*",)),
        say=(
            "One backward pass, and every wire has its gradient, each of the shape",
            "of its value. Press f for the figure.",
        ),
        figure="z",
    ),
    Step(
        name="the-referee",
        code="""
at = {"W": W.data, "x": x.data, "b": b.data}
def z_of(W, x, b): return minidl.squared_norm(W @ x + b)
print("entry    nudged   backward")
for node in (W, x, b):
    rates = nudged(lambda a: z_of(**{**at, node.name: a}), node.data)
    for i in np.ndindex(rates.shape):
        back = node.grad.data[i]
        print(f"{node.name}{list(i)!s:<7}{rates[i]:8.4f} {back:10.4f}")
""",
        say=(
            "The referee over all entries, two runs of the circuit for each.",
            "Check every gradient you write like this, once.",
        ),
    ),
    Step(
        name="the-jacobian",
        say=(
            "So far one number came out, z, and each input had one gradient.",
            "u has several entries. Nudge xⱼ, and each uᵢ moves at its own rate.",
            "Those rates make a matrix, the *Jacobian*: row i for uᵢ, column j for xⱼ.",
        ),
        question=Choice(
            ask=("u = Wx. The Jacobian of u for x is …",),
            options=(
                Option("W", "np.allclose(J, W.data)", "Yes: W is a table of local slopes."),
                Option("Wᵀ", "np.allclose(J, W.data.T)", "That is what gradients are multiplied by."),
                Option("xᵀ", "J.shape == x.shape", "xᵀ is the local part for W; here x is turned."),
            ),
            hints=(
                "What does u₁ do when x₂ is turned?",
                "u₁ = W₁₁x₁ + W₁₂x₂, so its slope in x₂ is W₁₂: row one, column two.",
            ),
        ),
        then="""
rows = [nudged(lambda x: (W.data @ x)[i], x.data) for i in (0, 1)]
J = np.stack(rows)                             # how u₁ moves, how u₂ moves
print(J)
""",
        reveal=(
            "The Jacobian of Wx is W. Upstream has an entry for each *row* of it,",
            "so going back takes Jᵀ · upstream: that is where Wᵀ came from.",
        ),
    ),
    Step(
        name="never-built",
        code="""
from minidl import nn
layer = nn.Linear(400, 120)             # a layer of LeNet
n_out, n_in = layer.weight.shape
gradient = n_out * n_in                 # entries of ∂z/∂W
jacobian = n_out * gradient             # each output's rate with each one
small = np.kron(np.eye(4), np.ones(5))  # the same for W of 4 rows of 5
""",
        picture=Picture("small", "A small one: a staircase of ones on paper that is white with zeros.", rows=4),
        say=(
            "And the Jacobian of u for W? u has {n_out} entries in this layer of LeNet,",
            "and W has {n_out} · {n_in}. It would hold {jacobian} rates, nearly all",
            "of them zero, since Wᵢⱼ reaches uᵢ only: above, a small one.",
            "Nobody builds it. Its product with upstream is upstream · xᵀ, with",
            "{gradient} entries, and that product is all that backpropagation needs.",
            "",
            "Each gate in minidl knows this one thing: how to multiply upstream by",
            "the transpose of its Jacobian. The name is *vector-Jacobian product*.",
        ),
    ),
    Step(
        name="two-conventions",
        code="""
V = leaf(W.data.T, "V")                 # the same layer, stored transposed
same = minidl.squared_norm(V.T @ x + b)
print("Wx + b gives", z.item(), "   Vᵀx + b gives", same.item())
mixed = minidl.squared_norm(W.T @ x + b)
print("Wᵀx + b, the two mixed up, gives", mixed.item())
""",
        say=(
            "Lecture notes disagree: one writes a layer as g(Wx + b), another as",
            "σ(Wᵀh + w₀). Both are right, each with its own W. Mixing them is not;",
            "and with a square W no shape error warns you.",
        ),
        question=Choice(
            ask=("The layer stores V = Wᵀ and computes Vᵀx + b. Then ∂z/∂V is …",),
            options=(
                Option("∂z/∂W", "np.allclose(dV, dW)", "The same numbers, but V stands otherwise."),
                Option("(∂z/∂W)ᵀ", "np.allclose(dV, dW.T)", "Yes: a gradient stands as its value does."),
                Option(
                    "other numbers",
                    "not np.allclose(sorted(dV.flat), sorted(dW.flat))",
                    "The same rates: only their places differ.",
                ),
            ),
            hints=(
                "Remember the shape: where does each rate stand?",
                "V₂₁ is W₁₂. The rate of one is the rate of the other.",
            ),
        ),
        then="""
dV = minidl.autodiff.gradients(same)[V]
print("∂z/∂V =", dV.tolist(), "  ∂z/∂W =", W.grad.data.tolist())
""",
        reveal=(
            "So ∂z/∂V = (∂z/∂W)ᵀ: a gradient stands as its value does.",
            "minidl and PyTorch store a layer's weight as (outputs, inputs), the",
            "W of Wx + b: LeNet's layer of the last step has shape {layer.weight.shape}.",
        ),
    ),
    Step(
        name="your-turn",
        picture=Circuit("z", gradients=("*",)),
        say=("The controls are yours.",),
        question=Exercise(
            ask=("Choose b so that the second row of ∂z/∂W is zero and the first is not.",),
            name="b_new",
            code="""
b = leaf(b_new, "b")
v = (u + b).named("v")
z = minidl.squared_norm(v).named("z")
dW = minidl.autodiff.gradients(z)[W]
""",
            accept="not dW[1].any() and dW[0].any()",
            hints=(
                "Row i of ∂z/∂W is upstream's entry i times x.",
                "v₂ must be zero and v₁ not. v is u + b, and u = {u}.",
            ),
            mistakes=(
                Mistake("not dW.any()", "Both rows are zero: v = {v}. Leave v₁ something."),
                Mistake("not dW[0].any()", "The first row is zero, not the second: v = {v}."),
            ),
            unforeseen="It ran: v = {v}, and row two of ∂z/∂W is {dW[1]}. Not zero yet.",
            example="[b.data[0], -u.data[1]]",
        ),
        reveal=("With v = {v} nothing reaches row two: no upstream, no gradient.",),
    ),
    Step(
        name="by-hand",
        say=("And once in code of your own, for matrices of any size.",),
        question=Program(
            ask=("Give the gradients of ‖Wx + b‖² for W, x and b.",),
            file="""
import numpy as np

def gradients(W, x, b):
    v = W @ x + b
    dv = 2 * v
    dW = np.zeros_like(W)
    dx = np.zeros_like(x)
    db = dv
    return dW, dx, db
""",
            checks=(
                Check(
                    "[d.shape for d in gradients(np.ones((2, 3)), np.ones(3), np.ones(2))]",
                    "[(2, 3), (3,), (2,)]",
                    "the shapes are {got}; each gradient has the shape of its value.",
                ),
                Check(
                    "gradients(*LAYER)[0]",
                    "nudge(lambda W: ((W @ LAYER[1] + LAYER[2]) ** 2).sum(), LAYER[0])",
                    "for W, {got} came back; the referee has {want}.",
                    (Mistake("0 * LAYER[0]", "dW is still zero. Row i of it is upstream's entry i times x."),),
                ),
                Check(
                    "gradients(*LAYER)[1]",
                    "nudge(lambda x: ((LAYER[0] @ x + LAYER[2]) ** 2).sum(), LAYER[1])",
                    "for x, {got} came back; the referee has {want}.",
                    (Mistake("0 * LAYER[1]", "dx is still zero. Each x meets a column of W on its way up."),),
                ),
                Check(
                    "gradients(*LAYER)[2]",
                    "nudge(lambda b: ((LAYER[0] @ LAYER[1] + b) ** 2).sum(), LAYER[2])",
                    "for b, {got} came back; the referee has {want}.",
                ),
            ),
            given="LAYER = np.array([[1.0, 2], [3, -1]]), np.array([1.0, -1]), np.array([0.5, -2])",
            hints=("Of u = Wx: upstream · xᵀ for W, and Wᵀ · upstream for x.", "np.outer(dv, x) and W.T @ dv"),
            solution="""
import numpy as np

def gradients(W, x, b):
    v = W @ x + b
    dv = 2 * v
    return np.outer(dv, x), W.T @ dv, dv
""",
        ),
        reveal=("The referee needs a nudge for each entry; your three lines need none.",),
    ),
    Step(
        name="what-comes-next",
        code="""
A = np.array([[0., 1.], [2., 1.]])
print("two layers:  A @ (W @ x) =", A @ (W.data @ x.data))
print("one layer:   (A @ W) @ x =", (A @ W.data) @ x.data)
""",
        say=(
            "You can now take any layer apart. So stack two of them, and look:",
            "two matrices in a row do what one matrix does. Depth has bought nothing.",
            "",
            "Something must stand between the layers that is not a matrix. It has a",
            "local slope of its own, and upstream passes through it, layer after",
            "layer after layer. What if that slope is small?",
            "",
            "That is the next lesson, Activations: minidl tutorial activations",
        ),
    ),
)

TENSORS = Lesson(
    number=3,
    name="tensors",
    title="Tensors",
    promise="Say what the gradient of a matrix is, its shape first, and why Wᵀ appears.",
    minutes=18,
    version=2,
    steps=STEPS,
    follows="activations",
    read=("Parr and Howard (2018), The matrix calculus you need for deep learning.",),
)
