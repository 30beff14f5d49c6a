"""How a GPU multiplies matrices: kernels that run thread by thread in the simulator, and everything they touch counted."""

from __future__ import annotations

from ..lesson import Choice, Exercise, Lesson, Mistake, Number, Option, Shape, Step

STEPS = (
    Step(
        name="threads",
        code="""
import numpy as np
from minidl.kernels.cuda.compiler.language import cuda, float32, kernel
from minidl.kernels.cuda.simulator.trace import trace
@kernel("float32[::1]", waits=False)
def who(out):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    out[i] = cuda.blockIdx.x
blocks, threads = 3, 8
block, asked = 2, 3
out = np.zeros(blocks * threads, np.float32)
""",
        say=(
            "A GPU runs one function, a *kernel*, in thousands of threads at once.",
            "They come in blocks, and each asks who it is. Here {blocks} blocks of {threads} threads",
            "run in a simulator: plain Python, no GPU needed.",
        ),
        question=Number(
            ask=("Thread {asked} of block {block}, both counted from zero: its i = ?",),
            answer="mine",
            hints=(
                "How many threads are there in the blocks before its own?",
                "{block} blocks of {threads} come first.",
            ),
            mistakes=(
                Mistake("asked", "That is its number in its own block. Two such threads would meet at one i."),
                Mistake("mine + 1", "One too far: both are counted from zero."),
                Mistake("block * asked", "The block's number is multiplied by how many threads a block has."),
                Mistake("asked * blocks + block", "Turned around: neighbours in a block have neighbouring i."),
                Mistake("block * threads", "That is the first thread of the block."),
            ),
        ),
        then="""
run = trace(who, blocks, threads, (out,))
mine = run.of(thread=(asked, 0, 0), block=(block, 0, 0))[0].first
print(out.astype(int))
""",
        reveal=("No loop ran over i: each thread did its own, and wrote its block's number.",),
    ),
    Step(
        name="naive",
        code="""
SIGNATURE = "float32[::1], float32[::1], float32[::1], int32"
@kernel(SIGNATURE, waits=False)
def naive(A, B, C, n):
    col = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    row = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    total = float32(0)
    for k in range(n):
        total += A[row * n + k] * B[k * n + col]
    C[row * n + col] = total
def three(n):          # of small whole numbers, which add up exactly
    draw = np.random.default_rng(0)
    return [draw.integers(-3, 4, (n, n)).astype("f") for _ in "ABC"]
n = 16
A, B, C = three(n)
run = trace(naive, (4, 4), (4, 4), (A, B, C, n))
print("C is A @ B:", np.array_equal(C, A @ B))
""",
        say=(
            "A product of matrices: a thread for each number of C. It walks along a",
            "row of A and down a column of B. It works, and no two threads interfere.",
        ),
    ),
    Step(
        name="how-often",
        say=("All matrices lie in *global memory*, large and far away. The trace has", "noted who read what there."),
        question=Number(
            ask=("Every matrix is {n} × {n}. How often was each number of A read?",),
            answer="often",
            hints=("Which threads need the first number of A?", "Those of the first row of C, each once."),
            mistakes=(
                Mistake("1", "Once would be ideal. Each thread reads for itself, and remembers nothing of others."),
                Mistake("2 * n", "A and B together. A alone?"),
                Mistake("n * n", "That is how many numbers A has."),
                Mistake("n ** 3", "That is how many reads of A there are in all."),
                Mistake("n // 4", "That would be right if the threads of a block shared what they read. They do not."),
            ),
        ),
        then="""
def reads(run, name):         # of each number of an array, on average
    found = run.of(array=name, action="read")
    return sum(a.width for a in found) / run.arrays[name].size
often = reads(run, "A")
""",
        reveal=(
            "{often} times, once for each column of C. Of matrices ten times as wide",
            "every number would be read ten times as often.",
        ),
    ),
    Step(
        name="how-far-from-peak",
        code="""
peak, bandwidth = 67e12, 3.35e12   # of an H100: operations, bytes a second
operations = 2 * n ** 3             # a multiplication and an addition each
nbytes = 4 * len(run.of(space="global", action="read"))
per_byte = operations / nbytes
possible = min(peak, bandwidth * per_byte)
print(f"{per_byte} operations a byte; peak needs {peak / bandwidth:.0f}")
""",
        say=(
            "A GPU's arithmetic and its memory, as NVIDIA's data sheet has them, and",
            "what our kernel asks of both.",
        ),
        question=Choice(
            ask=("If every read went to global memory, it would reach … of the peak.",),
            options=(
                Option("half", "possible / peak > 0.3", "It would have to read far less."),
                Option("a tenth", "0.05 < possible / peak <= 0.3", "Not even that."),
                Option("a hundredth", "possible / peak <= 0.05", "Yes: it waits for memory nearly all the time."),
            ),
            hints=("Compare the two numbers that were printed.", "{per_byte} of {peak_per_byte}, as a share."),
        ),
        then="""
peak_per_byte = peak / bandwidth
share = 100 * possible / peak
print(f"{possible / 1e12:.3g} of {peak / 1e12:.0f} TFLOP/s: {share:.3g} %")
""",
        reveal=(
            "Caches soften it, but this is the bill: the lower of what arithmetic and",
            "memory allow is called the *roofline*. All that follows is reading less.",
        ),
    ),
    Step(
        name="neighbours",
        code="""
from minidl.kernels.cuda.simulator.traffic import SECTOR, coalescing
@kernel(SIGNATURE, waits=False)
def turned(A, B, C, n):
    row, col = cuda.threadIdx.x, cuda.threadIdx.y      # the axes swapped
    total = float32(0)
    for k in range(n):
        total += A[row * n + k] * B[k * n + col]
    C[row * n + col] = total
n = lanes = 32
A, B, C = three(n)
""",
        say=(
            "Threads run in *warps* of {lanes}, and a warp asks for its numbers in one",
            "go. Memory answers in *sectors*: {SECTOR} bytes that lie side by side.",
            "Here neighbouring threads have neighbouring rows.",
        ),
        question=Number(
            ask=("One request of a warp for A: how many sectors?",),
            answer="sectors",
            hints=(
                "Which number of A does each of the {lanes} threads want?",
                "They lie a whole row apart, {n} numbers.",
            ),
            mistakes=(
                Mistake("1", "That holds if all want the same number. Which row does each thread have?"),
                Mistake("4", "That holds for {lanes} neighbours in a row. These lie in a column."),
                Mistake("8", "That is how many numbers a sector holds."),
                Mistake("n * 4", "That is how many bytes are wanted. In how many sectors do they lie?"),
                Mistake("n // 2", "Two of them would have to share a sector, but they lie a row apart."),
            ),
        ),
        then="""
def sectors_of(kernel):
    costs = coalescing(trace(kernel, 1, (lanes, 1), (A, B, C, n)))
    return {c.access.array: len(c.sectors) for c in costs}
print("naive", sectors_of(naive), "  turned", sectors_of(turned))
sectors = sectors_of(turned)["A"]
""",
        reveal=(
            "Swapped axes cost {sectors} sectors for each request of A, and of C.",
            "*Coalescing*: let neighbouring threads touch neighbouring numbers.",
        ),
    ),
    Step(
        name="tiles",
        code="""
T, n = 4, 24
@kernel(SIGNATURE)
def tiled(A, B, C, n):
    a = cuda.shared.array(T * T, float32)
    b = cuda.shared.array(T * T, float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    row, col = cuda.blockIdx.y * T + y, cuda.blockIdx.x * T + x
    total = float32(0)
    for k in range(0, n, T):
        a[y * T + x] = A[row * n + k + x]
        b[y * T + x] = B[(k + y) * n + col]
        cuda.syncthreads()                        # all have brought theirs
        for i in range(T):
            total += a[y * T + i] * b[i * T + x]
        cuda.syncthreads()                        # all are done with it
    C[row * n + col] = total
""",
        say=(
            "A block has a small *shared memory* of its own. Let its threads bring a",
            "tile of A and one of B there, a number each, and all use all of it.",
        ),
    ),
    Step(
        name="read-once-more",
        code="""
A, B, C = three(n)
run = trace(tiled, (n // T, n // T), (T, T), (A, B, C, n))
print("C is A @ B:", np.array_equal(C, A @ B))
""",
        say=("Matrices of {n} × {n} again, tiles of {T} × {T}.",),
        question=Number(
            ask=("How often is each number of A read from global memory now?",),
            answer="often",
            hints=("Once for each block that needs it.", "The blocks of one row of tiles need it: {n} / {T} of them."),
            mistakes=(
                Mistake("n", "As often as before? A block now brings it once for all its threads."),
                Mistake("1", "Once in a block. But other blocks need it too, and share nothing."),
                Mistake("T", "That is how many times less than before."),
                Mistake("2 * n // T", "A and B together. A alone?"),
                Mistake("n * n // T", "That is more than before."),
            ),
        ),
        then="""
often = reads(run, "A")
per_byte = 2 * n ** 3 / (4 * len(run.of(space="global", action="read")))
""",
        reveal=(
            "{often} times: {T} times less, for a tile's width of {T}. Operations a byte",
            "grow alike, to {per_byte}. A larger tile reads less, while it has room.",
        ),
    ),
    Step(
        name="without-a-barrier",
        code="""
import textwrap
from minidl.errors import DeviceError
from minidl.kernels.cuda.simulator import races, scheduler
@kernel("float32[::1], float32[::1]")
def shift(x, out):
    i = cuda.threadIdx.x
    s = cuda.shared.array(8, float32)
    s[i] = x[i]                     # no barrier: has my neighbour written?
    out[i] = s[(i + 1) % 8]
x, out = np.arange(8, dtype="f"), np.zeros(8, "f")
try:
    with races.without_races():
        scheduler.run(shift, (1, 1, 1), (8, 1, 1), [x, out])
except DeviceError as error:
    print(textwrap.fill(str(error), 70))
""",
        say=(
            "What if a thread does not wait? On a GPU: wrong numbers, on some days.",
            "The simulator says what it sees. Shared memory begins as NaN there,",
            "and every access is compared with those before it.",
        ),
    ),
    Step(
        name="half-a-barrier",
        code="""
def complaint(run):                 # of the simulator, if it has one
    try:
        run()
    except DeviceError as error:
        return str(error)
    return ""
@kernel("float32[::1], float32[::1]")
def half(x, out):
    i = cuda.threadIdx.x
    if x[i] > 3:
        cuda.syncthreads()          # some come here, some never will
    out[i] = x[i]
print(complaint(lambda: trace(half, 1, 8, (x, out))))
""",
        say=(
            "And a barrier that only some threads reach? On a GPU the block may",
            "hang for ever. *A barrier is for all threads of a block, or for none.*",
        ),
    ),
    Step(
        name="banks",
        code="""
from minidl.kernels.cuda.simulator.traffic import BANKS, bank_conflicts
def turns(width):                       # a warp reads a column of a tile
    @kernel("float32[::1]", name=f"column_{width}")
    def column(out):
        s = cuda.shared.array(32 * width, float32)
        i = cuda.threadIdx.x
        for k in range(32):
            s[k * width + i] = float32(0)
        cuda.syncthreads()
        out[i] = s[i * width]
    run = trace(column, 1, 32, (np.zeros(32, "f"),))
    return bank_conflicts(run)[-1].wavefronts
print("rows of", BANKS, "numbers:", turns(BANKS), "turns")
""",
        say=(
            "Shared memory has {BANKS} *banks*, number i in bank i mod {BANKS}; a bank gives",
            "one number a turn. A column of a tile that wide lies in one bank.",
        ),
        question=Choice(
            ask=("Put some unused numbers behind each row. Fewest turns with …",),
            options=(
                Option("one", "best == 1", "Yes: each row begins one bank further."),
                Option("two", "best == 2", "Then only every other bank is asked."),
                Option("four", "best == 4", "Then only every fourth bank is asked."),
            ),
            hints=("In which bank does each row begin?", "The banks should all be different ones."),
        ),
        then="""
padded = {pad: turns(BANKS + pad) for pad in (1, 2, 4)}
best = min(padded, key=padded.get)
print(padded)
""",
        reveal=("Padding by {best}, or a shuffled order, makes columns as cheap as rows.",),
    ),
    Step(
        name="registers",
        code="""
R = 4
@kernel("float32[::1], float32[::1]")
def outer(x, out):
    s, t = cuda.shared.array(64, float32), cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    a, b = cuda.local.array(R, float32), cuda.local.array(R, float32)
    for r in range(R):
        a[r], b[r] = s[t // 8 * R + r], s[32 + t % 8 * R + r]
    for i in range(R):
        for j in range(R):
            out[(t * R + i) * R + j] = a[i] * b[j]
products = 64 * R * R
run = trace(outer, 1, 64, (np.ones(64, "f"), np.zeros(products, "f")))
loads = len(run.of(space="shared", action="read")) / products
""",
        say=(
            "The tiled kernel reads shared memory twice for each product: too often.",
            "Registers are nearer still. Here a thread has {R} × {R} results: it reads {R}",
            "numbers of each factor and uses each {R} times, {loads} reads a product.",
        ),
    ),
    Step(
        name="wide-and-early",
        code="""
from minidl.kernels.cuda.matmul.tile import Tile
from viz.gpu.matmul import run_fast           # traces minidl's fast kernel
run = run_fast(Tile(16, 32, 8, 2, down=1, across=1), 24)
for step in range(max(run.steps.values())):
    far = run.of(space="global", action="read", step=step)
    near = run.of(space="shared", action="read", step=step)
    print(f"until barrier {step + 1}: loads from global {len(far):4},"
          f" from shared memory {len(near):4}")
wide = max(a.width for a in near)
""",
        say=(
            "Two tricks more, in minidl's own fast kernel, with a tile for one warp.",
            "*Wide loads*: an instruction brings {wide} numbers, so fewer are needed.",
            "*Double buffering*: the next tile is fetched while this one is",
            "multiplied, so between two barriers both happen, and neither waits.",
        ),
    ),
    Step(
        name="the-roofline",
        code="""
from viz import kernel_figure
from viz.gpu.levels import levels
figure = kernel_figure("levels")
print("         reads   bytes   shared  operations  at most")
for one in levels():
    limit = min(peak, bandwidth * one.intensity) / peak
    print(f"{one.name:6} {one.reads:7.3g} {one.fetched:7.3g}"
          f" {one.loads:8.3g} {one.intensity:11.3g} {100 * limit:7.3g} %")
""",
        say=(
            "minidl's three kernels, a block of each traced. For each product: numbers",
            "read from global memory, bytes fetched, loads from shared memory; then",
            "operations a byte, and how much of the peak the roofline leaves.",
            "(What several threads of a warp want at once is fetched once: so the",
            "naive kernel does a little better than its reads.)",
            "",
            "See it move:   minidl kernel tiled -o tiled.html",
            "The table as a figure: press f.",
        ),
        figure="figure",
    ),
    Step(
        name="convolution",
        code="""
import minidl
x, w = np.random.default_rng(0).random((1, 1, 8, 8)), np.ones((6, 1, 5, 5))
y = minidl.nn.functional.conv2d(minidl.tensor(x), minidl.tensor(w)).data
print("image", x.shape, " kernels", w.shape, " result", y.shape)
""",
        say=(
            "A convolution is such a product. Each pixel of the result sees a window",
            "of the image: write the windows as rows of a matrix X, and the kernels",
            "as columns of W. Then the result is XW.",
        ),
        question=Shape(
            ask=("The shape of X, the matrix of windows?",),
            answer="X.shape",
            hints=(
                "A row for each pixel of the result. How long is a window?",
                "{pixels} pixels, windows of {window}.",
            ),
            mistakes=(
                Mistake("X.shape[::-1]", "Transposed: a row is a window."),
                Mistake("(64, 25)", "The image has that many pixels; the result has fewer: {y.shape}."),
                Mistake("(16, 6)", "That is the result, a row a pixel, a column a kernel."),
                Mistake("(25, 6)", "That is W: a column a kernel."),
                Mistake("x.shape", "That is the image itself."),
            ),
            unforeseen="A row for each pixel of one image of the result, {y.shape}; a column for each number of a window.",
        ),
        then="""
windows = np.lib.stride_tricks.sliding_window_view(x[0, 0], (5, 5))
X = windows.reshape(-1, 25)
pixels, window = X.shape[0], "5 × 5"
same = np.allclose(X @ w.reshape(6, 25).T, y[0].reshape(6, -1).T)
print("X @ W is the convolution:", same)
""",
        reveal=(
            "X holds {X.size} numbers, the image {x.size}. So minidl never writes X down: a",
            "block gathers a tile of it from the image into shared memory.",
            "Watch:   minidl kernel convolution -o convolution.html",
        ),
    ),
    Step(
        name="your-turn",
        code="""
def product(p, q, r, s):
    @kernel(SIGNATURE)
    def yours(A, B, C, n):
        a = cuda.shared.array(T * T, float32)
        b = cuda.shared.array(T * T, float32)
        x, y, total = cuda.threadIdx.x, cuda.threadIdx.y, float32(0)
        a[y * T + x], b[y * T + x] = A[y * n + x], B[y * n + x]
        cuda.syncthreads()
        for i in range(T):
            total += a[p * y + q * i] * b[r * i + s * x]
        C[y * n + x] = total
    return yours
L, M = (np.arange(16, dtype="f").reshape(T, T) * f % 11 for f in (3, 7))
""",
        say=("One tile, rows of {T} numbers. The inner line is yours to finish.",),
        question=Exercise(
            ask=("total += a[p·y + q·i] · b[r·i + s·x].   p q r s = ?",),
            name="steps",
            code="""
out = np.full((T, T), np.nan, "f")
yours = product(*map(round, steps))
said = complaint(lambda: trace(yours, 1, (T, T), (L, M, out, T)))
wanted = L @ M
""",
            accept="np.array_equal(out, wanted) and all(v == round(v) for v in steps)",
            hints=(
                "a's row is y and its column i; b's row is i and its column x.",
                "A step of {T} goes to the next row, a step of one to the next column.",
            ),
            mistakes=(
                Mistake("said", "It ran until this: {said}"),
                Mistake("np.array_equal(out, L.T @ M)", "It ran: that is Aᵀ B. a's row should be y."),
                Mistake("np.array_equal(out, L @ M.T)", "It ran: that is A Bᵀ. b's row should be i."),
                Mistake("np.array_equal(out, L.T @ M.T)", "It ran: that is Aᵀ Bᵀ. Both are turned."),
            ),
            unforeseen="It ran: the first row is {out[0]}, and that of A B is {wanted[0]}.",
            example="[T, 1, T, 1]",
        ),
        reveal=("It ran: the first row of C is {out[0]}, as it should be.",),
    ),
    Step(
        name="read-on",
        code="""
years = dict(volkov=2008, williams=2009, chetlur=2014, boehm=2022)
""",
        say=(
            "V. Volkov, J. Demmel: Benchmarking GPUs to tune dense linear algebra,",
            "  {years[volkov]}. Results belong in registers.",
            "S. Williams, A. Waterman, D. Patterson: Roofline, {years[williams]}.",
            "S. Chetlur and others: cuDNN, efficient primitives for deep learning,",
            "  {years[chetlur]}. The matrix of windows that is never written down.",
            "S. Boehm: How to optimize a CUDA matmul kernel for cuBLAS-like",
            "  performance, a worklog, {years[boehm]}. The same climb, measured on a GPU.",
            "NVIDIA: CUTLASS, Efficient GEMM in CUDA; the CUDA Programming Guide.",
            "",
            "The kernels themselves are for reading, in this order:",
            "minidl/kernels/cuda/matmul: naive, tiled, tile, fast.",
            "What no simulator can tell is how fast they are: that takes a GPU.",
        ),
    ),
)

GPU = Lesson(
    number=27,
    name="gpu",
    title="How a GPU multiplies matrices",
    promise="Say what a kernel reads, how often, and which trick makes it read less.",
    minutes=25,
    version=1,
    steps=STEPS,
)
