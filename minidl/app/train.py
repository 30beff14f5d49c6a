"""`minidl train`: train a network, watch it learn, keep everything in one folder."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UsageError

INTERRUPTED = 130
"""The exit status of a run that Ctrl-C stopped."""

DATA, MODEL, OPTIMIZATION, REGULARISATION, EVALUATION, RUN, SWEEP = (
    "Data", "Model", "Optimization", "Regularisation", "Evaluation", "The run", "Many runs"
)  # fmt: skip
"""The panels of the help page."""


def option(help: str, panel: str | None = None, default: str | bool = False, flag: str | None = None) -> Any:
    """Return the description of an option, for typer.

    Args:
        help: what it is for.
        panel: the panel of the help page that it stands in.
        default: what it is if it is not given, in words.
        flag: how it is written, for one without a value.
    """
    return typer.Option(*([flag] if flag else []), help=help, show_default=default, rich_help_panel=panel)


def train(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A TOML file of these options, such as epochs = 10; options given here override it. With --list: what "
            "to list.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        option(
            "digits, which come with minidl, mnist, cifar10 …; or a folder: MNIST's or CIFAR's files, or pictures, a folder "
            "a class.",
            DATA,
            "digits",
        ),
    ] = None,
    batch: Annotated[int | None, option("Images a step.", DATA, "32; 64 for MNIST, CIFAR")] = None,
    augment: Annotated[
        str | None,
        option(
            'How training images are varied: none, or "random_crop(32, padding=4) + random_horizontal_flip".',
            DATA,
            "random_warp; crops and flips for CIFAR",
        ),
    ] = None,
    mix: Annotated[str | None, option("Mix images and labels: mixup, cutmix.", DATA, "none")] = None,
    preprocess: Annotated[
        str | None, option("How pixels become inputs: standardize, mean_image, zca …", DATA, "standardize")
    ] = None,
    examples: Annotated[int | None, option("Use so many of the training images.", DATA, "all")] = None,
    balanced: Annotated[
        bool | None, option("Show every class equally often.", DATA, "no", flag="--balanced/--no-balanced")
    ] = None,
    label_noise: Annotated[
        str | None, option('Make training labels wrong: "symmetric(0.2)", pair, random.', DATA, "none")
    ] = None,
    model: Annotated[
        str | None,
        option(
            'The network: lenet, mlp, resnet20, "vit_tiny(depth=4)" …',
            MODEL,
            "lenet; lenet5 for MNIST, resnet8 for CIFAR",
        ),
    ] = None,
    freeze: Annotated[str | None, option("Parts that stay as they are: conv1,fc.", MODEL, "none")] = None,
    epochs: Annotated[
        int | None, option("How often all training images are seen.", OPTIMIZATION, "30; 3 for MNIST, 20 for CIFAR")
    ] = None,
    optimizer: Annotated[
        str | None, option('sgd (with momentum), adam, "adamw(weight_decay=0.1)" …', OPTIMIZATION, "sgd")
    ] = None,
    lr: Annotated[
        float | None, option("The highest learning rate of the run.", OPTIMIZATION, "sgd 0.05, adam 0.004 …")
    ] = None,
    schedule: Annotated[
        str | None,
        option(
            'How the rate changes: constant, cosine, "step(10, gamma=0.1)", one_cycle …', OPTIMIZATION, "warmup_cosine"
        ),
    ] = None,
    loss: Annotated[
        str | None,
        option('What is made small: "cross_entropy(label_smoothing=0.1)", hinge …', OPTIMIZATION, "cross_entropy"),
    ] = None,
    accumulate: Annotated[
        int | None, option("Batches a step, as if it were one batch so many times as large.", OPTIMIZATION, "1")
    ] = None,
    clip_norm: Annotated[float | None, option("Shorten gradients longer than this.", OPTIMIZATION, "off")] = None,
    ema: Annotated[
        float | None,
        option("Judge and keep a moving average of the weights, of this decay: 0.999.", OPTIMIZATION, "off"),
    ] = None,
    l1: Annotated[float | None, option("Add so many times Σ|w| to the loss.", REGULARISATION, "off")] = None,
    l2: Annotated[
        float | None,
        option(
            "Add so many times Σw² to the loss (weight decay is an option of the optimizer).", REGULARISATION, "off"
        ),
    ] = None,
    early_stopping: Annotated[
        int | None, option("Stop after so many epochs without improvement.", REGULARISATION, "off")
    ] = None,
    monitor: Annotated[
        str | None,
        option("What must improve: validation_loss or validation_accuracy.", REGULARISATION, "validation_loss"),
    ] = None,
    keep: Annotated[
        str | None,
        option(
            "The model to keep and to test: last, or that of the best epoch.",
            EVALUATION,
            "last; best with --early-stopping",
        ),
    ] = None,
    top_k: Annotated[int | None, option("Also count guesses among the first K right.", EVALUATION, "3")] = None,
    perturbations: Annotated[
        bool | None,
        option("Also judge by the test images rotated, blurred, darkened …", EVALUATION, flag="--perturbations"),
    ] = None,
    seed: Annotated[int | None, option("Of the split, the first weights and all that is random.", RUN, "0")] = None,
    out: Annotated[Path | None, option("The run's folder, new or empty.", RUN, "runs/DATA-MODEL-seedN")] = None,
    resume: Annotated[Path | None, option("Go on with the run in this folder, exactly where it stopped.", RUN)] = None,
    workers: Annotated[int | None, option("Processes that prepare batches ahead.", RUN, "0")] = None,
    data_parallel: Annotated[
        bool | None,
        option(
            "Share each batch among processes: mpiexec -n 2 minidl train --data-parallel.", RUN, flag="--data-parallel"
        ),
    ] = None,
    device: Annotated[str | None, option("What to compute on: cpu or cuda.", RUN, "cpu")] = None,
    pictures: Annotated[bool | None, option("Draw figures.", RUN, "yes", flag="--pictures/--no-pictures")] = None,
    profile: Annotated[
        bool | None,
        option("Measure some steps: print where their time went, and draw it.", RUN, flag="--profile"),
    ] = None,
    quiet: Annotated[bool | None, option("Print only the result.", RUN, flag="--quiet")] = None,
    plain: Annotated[bool | None, option("Print lines instead of a live dashboard.", RUN, flag="--plain")] = None,
    grid: Annotated[
        list[str] | None,
        option(
            'Train with each of several values: "lr=0.1,0.01"; may be repeated. With --random also ranges: '
            '"lr=log(1e-4, 0.1)".',
            SWEEP,
        ),
    ] = None,
    random: Annotated[int | None, option("Draw so many combinations from the grid.", SWEEP, "all")] = None,
    repeat: Annotated[int | None, option("Train each with so many seeds.", SWEEP, "1")] = None,
    jobs: Annotated[int | None, option("How many to train at a time.", SWEEP, "one a core")] = None,
    listing: Annotated[
        bool | None, option("List what can be chosen, with options: all, or `--list optimizer`.", flag="--list")
    ] = None,
    print_config: Annotated[
        bool | None,
        option("Print the settings as TOML, defaults filled in, and do nothing else.", flag="--print-config"),
    ] = None,
) -> None:
    """Train a network on images, with a live dashboard, and keep it and its pictures in runs/NAME/.

    Without options: a small LeNet on the 1,797 handwritten digits that come with minidl, in seconds. Ctrl-C stops after
    the current step; `--resume` goes on as if nothing had happened. The end is a report.html that shows everything.
    What is chosen by name can have options: `minidl train --list` shows them all.
    """
    given = {name: value for name, value in locals().items() if value not in (None, [])}  # by the options' names
    from .train_run import make_console

    console = make_console()
    if given.pop("listing", False):
        _list(console, given)
        return
    _set_off(console, given)


def _list(console: Any, given: dict[str, Any]) -> None:
    from .train_list import show_choices

    kind = given.pop("file", None)
    if given:
        raise UsageError(f"--list lists what can be chosen; leave out {', '.join(map(_option, given))}")
    show_choices(console, kind)


def _set_off(console: Any, given: dict[str, Any]) -> None:
    """Begin a run, or go on with one, as it is asked for on the command line and in a file."""
    from ..training import SETTINGS, Config
    from .settings_file import as_toml, read_settings
    from .train_run import Wishes, begin, go_on

    resume, print_config = given.pop("resume", None), given.pop("print_config", False)
    if "file" in given:
        given = _checked(read_settings(Path(given.pop("file")), [*SETTINGS, *WISHES], [SWEEP_TABLE])) | given
    if resume is not None and (conflicting := [name for name in given if name in SETTINGS or name == "out"]):
        raise UsageError(
            f"{', '.join(map(_option, conflicting))} cannot be given with --resume: a run goes on as it was begun"
        )
    check_device(given.get("device", "cpu"), given.get("data_parallel", False))
    if given.get("device") == "cpu":
        given.pop("device")
    settings = {name: given.pop(name) for name in SETTINGS if name in given}
    if print_config:
        typer.echo(as_toml(Config.make(**settings).settings()), nl=False)
        return
    out, parallel = given.pop("out", None), given.pop("data_parallel", False)
    out = None if out is None else Path(out)
    swept = {name: given.pop(name) for name in SWEPT if name in given}
    if swept:
        finished = _sweep(console, settings, out, swept, given, resume is not None or parallel)
    else:
        wishes = Wishes(**given)
        with _processes() if parallel else nullcontext() as processes:
            if resume is not None:
                finished = go_on(console, resume, wishes, processes)
            else:
                finished = begin(console, settings, out, wishes, processes)
    if not finished:
        raise typer.Exit(INTERRUPTED)


def _sweep(
    console: Any, settings: dict[str, Any], out: Path | None, swept: dict[str, Any], given: dict[str, Any], alone: bool
) -> bool:
    """Train with many settings."""
    from .sweep import run_sweep

    if alone:
        raise UsageError("a sweep trains each setting by itself; leave out --resume and --data-parallel")
    if swept.keys() <= {"jobs"}:
        raise UsageError("--jobs is for many runs; say which with --grid or --repeat")
    if senseless := [name for name in given if name not in ("quiet", "plain", "pictures")]:
        raise UsageError(f"{', '.join(map(_option, senseless))} cannot be given for many runs")
    table = swept.pop(SWEEP_TABLE, None)
    looks = {name: given[name] for name in ("quiet", "plain") if name in given}
    return run_sweep(console, settings, table=table, out=out, **swept, **looks)


def _checked(read: dict[str, Any]) -> dict[str, Any]:
    """The settings that a file gives; those of `Config` are checked there."""
    for name, value in read.items():
        if name in WISHES and type(value) is not WISHES[name]:
            raise UsageError(f"{name} must be {_TYPES[WISHES[name]]}; got {value!r}")
    return read


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


SWEEP_TABLE = "sweep"
"""The table of a file that says what many runs there are."""

SWEPT = ("grid", "random", "repeat", "jobs", SWEEP_TABLE)
"""What makes one run many."""

WISHES = {
    "out": str, "workers": int, "top_k": int, "perturbations": bool, "data_parallel": bool, "device": str,
    "pictures": bool, "profile": bool, "quiet": bool, "plain": bool,
}  # fmt: skip
"""What a file may say beside the settings of `Config`, and of which type."""

_TYPES = {str: "text", int: "a whole number", bool: "true or false"}


def _processes() -> Any:
    from ..training.parallel import connect

    return connect()


def check_device(device: str, several: bool) -> None:
    """Make sure that there is such a device.

    Args:
        device: its name.
        several: whether several processes are to share the work.

    Raises:
        DeviceError: there is no such GPU; the message says why, and what to do.
        UsageError: it is no device's name; or several processes were to use a GPU.
    """
    from ..kernels.device import device_of, is_device

    if not is_device(device):
        raise UsageError(f"there is no device {device!r}; choose cpu or cuda")
    if device_of(device, "--device").type != "cpu" and several:
        raise UsageError("--data-parallel is for processes that compute on CPUs; leave --device out")
