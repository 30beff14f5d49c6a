"""The report of a run: one HTML file with everything in it, which needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import platform
import re
from collections.abc import Iterable, Mapping
from importlib import metadata, resources
from os import PathLike
from pathlib import Path
from typing import Any, Final

from minidl.files import write_atomic

from ..drawing.engine import engine_info
from ..drawing.fonts import MATH_FONT
from ..drawing.notation import number
from ..drawing.svg import embedded_faces
from ..plots.history import best_epoch, percent
from .controls import controls
from .inline import inline
from .run import Run, read_run, read_text
from .verdict import epoch_kept, more_of, of_classes, of_perturbations

VERSIONS: Final = ("numpy", "scipy", "numba", "matplotlib")
"""The packages, besides minidl, whose versions a report names."""

LARGER: Final = 1.2
"""How much larger than they were made the plots are shown at most."""

PIXELS: Final = 4 / 3
"""Pixels to a point."""

_NO_PICTURE: Final = "The run's folder has no picture of this."


def write_report(run_dir: str | PathLike[str]) -> Path:
    """Write `report.html` into a run's folder, from what is there, and return its path.

    The file holds everything it shows: pictures, fonts, style and script; it opens offline, prints, and can be sent. A
    run that was interrupted, or whose diagrams could not be drawn, is reported with what there is.

    Raises:
        CheckpointError: the folder holds no run.
        DataError: one of the run's files is damaged; the message names it.
        OSError: the report cannot be written.
    """
    run = read_run(Path(run_dir))
    return write_atomic(run.folder / "report.html", page(run))


def page(run: Run) -> str:
    """Return the report as HTML."""
    title = " · ".join(
        str(part) for part in ("minidl train", run.config.get("data"), run.config.get("model"), _seed(run)) if part
    )
    body = "\n".join(
        [
            f"<header><h1>{_escaped(title)}</h1>",
            _headline(run),
            "</header><main>",
            _passes(run),
            _film(run),
            _curves(run),
            _kernels(run),
            _section("Which class is taken for which", [run.confusion], "") if run.confusion else "",
            of_classes(run.classes),
            _guesses(run),
            of_perturbations(run.perturbations),
            _metrics(run),
            _configuration(run),
            "</main>",
            _footer(run),
        ]
    )
    assets = resources.files(__package__)
    script = assets.joinpath("report.js").read_text(encoding="utf-8")
    style = _faces(body) + assets.joinpath("report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; font-src data:"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{_escaped(title)}</title>
<style>
{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def _faces(body: str) -> str:
    """The page's font, once for all pictures and words: the letters that occur in each face."""
    pictures = re.findall(r"<text\b.*?</text>", body, flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", "", body)
    bold = "".join(re.findall(r"<b>([^<]*)</b>", body))
    page = [
        f'<text font-family="{MATH_FONT}">{words}</text>',
        f'<text font-family="{MATH_FONT}" font-weight="bold">{bold}</text>',
    ]
    return embedded_faces("".join([*pictures, *page]))


def _escaped(value: object) -> str:
    return html.escape(str(value))


def _seed(run: Run) -> str:
    return f"seed {run.config['seed']}" if "seed" in run.config else ""


# The sections ---------------------------------------------------------------------------------------------------------


def _headline(run: Run) -> str:
    done, wanted = _epochs_done(run), run.config.get("epochs")
    if run.result is None:
        how_far = f"{done} of {wanted} epochs" if wanted else f"{done} epochs"
        words = (
            f'<p class="headline">stopped after {_escaped(how_far)}</p>'
            '<p class="warning">This run has not come to its end, so the test set has not been used yet. '
            f"<code>minidl train --resume {_escaped(run.folder)}</code> goes on where it stopped.</p>"
        )
    else:
        low, high = run.result["interval"]
        counts = ""
        if "correct" in run.result and "total" in run.result:
            counts = f" ({run.result['correct']} of {run.result['total']} images)"
        words = (
            f'<p class="headline"><b>{_escaped(percent(run.result["test_accuracy"]))}</b> test accuracy</p>'
            f'<p class="interval">95 % interval {100 * low:.2f} – {100 * high:.2f} %{_escaped(counts)}'
            ' <span class="note">· exact (Clopper–Pearson) · the test set was used once, at the end, '
            f"with the weights after {epoch_kept(run.result, done)}</span></p>"
        )
    items = "".join(f"<li><span>{_escaped(name)}</span>{_escaped(value)}</li>" for name, value in _facts(run))
    return f'{words}<ul class="facts">{items}</ul>'


def _facts(run: Run) -> list[tuple[str, str]]:
    """The few numbers that everyone asks for."""
    facts = []
    if isinstance(run.config.get("parameters"), int):
        facts.append(("parameters", f"{run.config['parameters']:,}".replace(",", "\u2009")))
    if run.history:
        best = best_epoch(run.history)
        facts.append(
            ("best validation accuracy", f"{percent(best['validation_accuracy'])} (epoch {int(best['epoch'])})")
        )
    facts.append(("epochs", str(_epochs_done(run))))
    facts += more_of(run.result or {})
    if run.timing:
        seconds = sum(record["seconds"] for record in run.timing)
        speed = sorted(record["images_per_second"] for record in run.timing)[len(run.timing) // 2]
        facts.append(("training steps took", f"{seconds:.1f} s"))
        facts.append(("speed", f"{speed:,.0f} images a second".replace(",", "\u2009")))
    return facts


def _epochs_done(run: Run) -> int:
    return int(run.history[-1]["epoch"]) if run.history else 0


def _passes(run: Run) -> str:
    heading = "<h2>Forward and backward pass</h2>"
    if not run.passes:
        return heading + f'<p class="warning">{_why_no_passes(run)}</p>'
    records = {int(record["epoch"]): record for record in run.history}
    templates, last = [], ""
    for epoch, path in run.passes.items():
        content = _svg(path, f"passes{epoch}-")
        for layer, kernel in run.kernels_of_epoch.get(epoch, {}).items():
            content += _plot("div", "plot", kernel, f"kernels{epoch}-{_identifier(layer)}-")
        readout = _readout(epoch, records.get(epoch))
        name = "before training" if epoch == 0 else f"epoch {epoch}"
        templates.append(
            f'<template data-epoch="{epoch}" data-name="{name}">{content}<div class="readout">{readout}</div></template>'
        )
        last = f'<div class="picture wide" id="stage" tabindex="0">{content}</div>'
        last += f'<div class="readout" id="readout" aria-live="polite">{readout}</div>'
    undrawn = ""
    if run.undrawn:
        undrawn = f'<p class="warning">{_why_no_passes(run)}</p>'
    return (
        f'{heading}<p class="note">The same images every time: what goes forward, and how strong the gradients are that '
        "come back, before training and after each epoch.</p>"
        f'{undrawn}<figure class="player" id="player">{controls(len(run.passes))}{last}</figure>'
        '<noscript><p class="note">This is the last epoch; with JavaScript, a slider shows them all.</p></noscript>'
        '<p class="keys note">Keys: <kbd>←</kbd> <kbd>→</kbd> one epoch, <kbd>Home</kbd> <kbd>End</kbd> first and last, '
        f"<kbd>space</kbd> plays.</p>{''.join(templates)}"
    )


def _why_no_passes(run: Run) -> str:
    if run.undrawn:
        return (
            f"No Graphviz was found when {len(run.undrawn)} of the diagrams were made: they are in the run's folder as "
            "figures/passes-*.dot. With <code>pip install 'pygraphviz&gt;=2.0.4'</code> the next run draws its own; where "
            "Graphviz itself is installed, <code>dot -Tsvg -O figures/passes-*.dot</code> draws these."
        )
    return "There are no diagrams of the passes in the run's folder."


def _readout(epoch: int, record: Mapping[str, float] | None) -> str:
    words = "before training" if epoch == 0 else f"epoch {epoch}"
    parts = [f"<b>{words}</b>"]
    if record is not None:
        parts += [
            f"<span>training: loss {record['train_loss']:.4f}, {percent(record['train_accuracy'])}</span>",
            f"<span>validation: loss {record['validation_loss']:.4f}, {percent(record['validation_accuracy'])}</span>",
        ]
    return "".join(parts)


def _curves(run: Run) -> str:
    missing = _NO_PICTURE if run.result else "The curves are drawn after the first epoch."
    return _section("Loss and accuracy", [run.curves] if run.curves else [], missing)


def _film(run: Run) -> str:
    heading = "How the network changed"
    if run.film is None:  # a run of an older version, or one that was stopped before its first picture
        return ""
    words = "The same network and the same image at several moments: what its first layers are, what they make of the "
    words += "image, what the network says, and the loss. The colours mean the same in every column."
    return f'<h2>{heading}</h2><p class="note">{words}</p>' + _plot("figure", "picture plot", run.film, "film-")


def _kernels(run: Run) -> str:
    heading = "What the kernels have learned"
    of_epochs = {layer for epoch in run.passes for layer in run.kernels_of_epoch.get(epoch, ())}
    if not run.kernels:
        # They are drawn when training stops; a network without convolutions has none to draw.
        return _section(heading, [], "They are drawn when training stops.") if run.kernels_of_epoch else ""
    # What the player shows every epoch is not shown again on a colour scale of its own.
    rest = [path for layer, path in run.kernels.items() if layer not in of_epochs]
    above = f"Those of {' and '.join(sorted(of_epochs))} are in the pictures of the passes above, epoch by epoch."
    note = f'<p class="note">{_escaped(above)}</p>' if of_epochs else ""
    return _section(heading, rest, "") + note


def _guesses(run: Run) -> str:
    later = "The misclassified images are known when the test set has been used, at the end of the run."
    missing = _NO_PICTURE if run.result else later
    return _section("Misclassified images", [run.guesses] if run.guesses else [], missing)


def _section(heading: str, pictures: Iterable[Path], missing: str) -> str:
    shown = [_plot("figure", "picture plot", path, _identifier(path.stem) + "-") for path in pictures]
    return f"<h2>{heading}</h2>" + ("".join(shown) or (f'<p class="note">{missing}</p>' if missing else ""))


def _plot(tag: str, css: str, path: Path, prefix: str) -> str:
    """A plot that is at most a little larger than it was made, so that its letters are as large as its neighbours'."""
    svg = _svg(path, prefix)
    own = re.match(r'<svg\b[^>]*?\swidth="([\d.]+)pt"', svg)
    style = f' style="--own: {LARGER * PIXELS * float(own[1]):.0f}px"' if own else ""
    return f'<{tag} class="{css}"{style}>{svg}</{tag}>'


def _svg(path: Path, prefix: str) -> str:
    return inline(read_text(path), prefix, str(path))


def _identifier(name: str) -> str:
    return re.sub(r"[^\w.-]", lambda match: f"_{ord(match[0]):x}_", name)


def _metrics(run: Run) -> str:
    heading = "<h2>Every epoch</h2>"
    if not run.history:
        return heading + '<p class="note">No epoch was finished.</p>'
    best = best_epoch(run.history)
    norms = [name for name in run.history[0] if name.startswith("gradient_norm.")]
    columns = ["epoch", "learning rate", "training loss", "accuracy", "validation loss", "accuracy"]
    columns += [f"‖∇‖ {name.partition('.')[2]}" for name in norms]
    head = "".join(f'<th scope="col">{_escaped(column)}</th>' for column in columns)
    rows = []
    for record in run.history:
        rate = record.get("learning_rate")
        cells = [
            f"{int(record['epoch'])}" + (" (best)" if record is best else ""),
            "" if rate is None else number(rate, 2),
            f"{record['train_loss']:.4f}",
            percent(record["train_accuracy"]),
            f"{record['validation_loss']:.4f}",
            percent(record["validation_accuracy"]),
            *(number(record[name], 2) for name in norms),
        ]
        css = ' class="best"' if record is best else ""
        rows.append(f"<tr{css}>" + "".join(f"<td>{_escaped(value)}</td>" for value in cells) + "</tr>")
    note = " The last columns are the mean lengths of the layers' gradients." if norms else ""
    return (
        f'{heading}<p class="note">The best epoch is the one with the highest validation accuracy.{note}</p>'
        f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _configuration(run: Run) -> str:
    engine = engine_info()
    here = {
        "minidl": run.config.get("minidl", "unknown"),
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in VERSIONS},
        "Graphviz": f"{engine.version} ({engine.kind})" if engine.version else "none",
        "machine": f"{platform.system()} {platform.machine()}",
    }
    config = {name: value for name, value in run.config.items() if name != "minidl"}
    return (
        f"<h2>How it was made</h2>{_pairs('The run', config)}{_pairs('Versions when this report was written', here)}"
        '<p class="note">The same seed on the same machine gives the same numbers.</p>'
    )


def _pairs(caption: str, pairs: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_escaped(name.replace("_", " "))}</th><td>{_escaped(_plain(value))}</td></tr>'
        for name, value in pairs.items()
    )
    return f'<table class="pairs"><caption>{_escaped(caption)}</caption><tbody>{rows}</tbody></table>'


def _plain(value: Any) -> str:
    """A value of config.json as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, float):
        return number(value, 6)
    return "none" if value is None else str(value)


def _footer(run: Run) -> str:
    return f"<footer>Written by minidl from {_escaped(run.folder.name or run.folder)}.</footer>"
