"""A lesson for a lecture: its figures and decks in one folder, with a Beamer and an HTML skeleton around them."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.errors import MinidlError
from minidl.files import write_atomic
from viz.deck.beamer import latex_text
from viz.drawing.theme import LIGHT, Theme, theme_named

from ..learning.answers import LETTERS
from ..learning.recording import Snapshot, record
from ..lesson import Circuit, Lesson
from ..terminal import figures
from ..text import unmarked
from . import shots

MOST_CODE = 12
"""Lines of code that fit on a slide under a heading."""


@dataclass
class Slide:
    """One step on a slide.

    Attributes:
        snapshot: the step.
        number: its number, from 1.
        figure: the figure's file name without its ending, or "".
        decks: the file names, without endings, of the decks that the step made.
        sketches: those of the small pictures to choose from.
    """

    snapshot: Snapshot
    number: int
    figure: str = ""
    decks: list[str] = field(default_factory=list)
    sketches: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What stands above it."""
        return self.snapshot.step.name.replace("-", " ").capitalize()

    @property
    def said(self) -> list[str]:
        """The narration, the question and what there is to choose, without empty lines."""
        options = [f"[{LETTERS[k]}] {text}" for k, text in enumerate(self.snapshot.options)]
        lines = (*self.snapshot.before.text, *self.snapshot.ask, *options)
        return [unmarked(line.strip()) for line in lines if line.strip()]

    @property
    def revealed(self) -> list[str]:
        """What follows the answer."""
        if self.snapshot.step.question is None:
            return []
        return [unmarked(line.strip()) for line in self.snapshot.after.text if line.strip()]


def write(lesson: Lesson, folder: Path, theme: str | Theme = LIGHT) -> list[str]:
    """Write everything into a folder, in one theme; return what to tell the lecturer, line by line.

    Raises:
        UsageError: there is no theme of that name.
        OSError: the folder cannot be written.
    """
    palette = theme_named(theme)
    told: list[str] = []
    slides = []
    seen: dict[object, str] = {}
    decks: set[int] = set()
    for number, snapshot in enumerate(record(lesson, palette), 1):
        slide = Slide(snapshot, number)
        slides.append(slide)
        value, key = _shown(snapshot)
        try:
            if value is not None and key not in seen:
                seen[key] = f"{number:02}-{snapshot.step.name}"
                for ending in (".svg", ".pdf"):
                    figures.write(value, folder / "figures" / f"{seen[key]}{ending}", palette)
            slide.figure = seen.get(key, "")
            for letter, art in zip(LETTERS, snapshot.sketches, strict=False):
                slide.sketches.append(f"{number:02}-{snapshot.step.name}-{letter}")
                for ending in (".svg", ".pdf"):
                    figures.write(art.value, folder / "figures" / f"{slide.sketches[-1]}{ending}", palette)
            for name, deck in _decks(snapshot, decks):
                for ending in (".pdf", ".html"):
                    deck.save(folder / "decks" / f"{number:02}-{name}{ending}")
                slide.decks.append(f"{number:02}-{name}")
        except (MinidlError, ImportError) as error:
            told.append(f"Step {number} has no figure: {error}")
    screens = shots.save(lesson, folder / "screens", palette)
    write_atomic(folder / "slides.tex", beamer(lesson, slides, palette))
    write_atomic(folder / "slides.html", pages(lesson, slides, folder, palette))
    made = len(list((folder / "figures").glob("*.pdf")))
    count = sum(len(slide.decks) for slide in slides)
    told.append(
        f"{folder}: {made} figures, {count} decks, {len(screens)} screens; slides.tex and slides.html show them."
    )
    return told


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _shown(snapshot: Snapshot) -> tuple[Any, object]:
    """What a step has a figure of, and what tells that figure from others: its picture, or the circuit it has in text.

    The circuit has no number that the step asks for, and gradients only once the lesson shows them all.
    """
    step = snapshot.step
    if step.drawn:
        return snapshot.names.get(step.drawn), (step.name, step.drawn)
    if not isinstance(step.picture, Circuit):
        return None, None
    import viz

    root = snapshot.names[step.picture.root]
    values = not any(asked.startswith("value") for asked in step.picture.asked)
    gradients = "*" in step.picture.gradients
    return viz.draw(root, values=values, grads=gradients, theme=snapshot.theme), (id(root), values, gradients)


def _decks(snapshot: Snapshot, known: set[int]) -> Iterator[tuple[str, Any]]:
    """The decks that a step's code made."""
    import viz

    for name, value in snapshot.names.items():
        if isinstance(value, viz.Deck) and id(value) not in known:
            known.add(id(value))
            yield name.strip("_"), value


def beamer(lesson: Lesson, slides: list[Slide], theme: Theme = LIGHT) -> str:
    """Return the LaTeX skeleton: a slide a step, the answer on a second overlay, the hints as notes."""
    frames = "\n".join(_beamer_frame(slide) for slide in slides)
    colours = "\n".join(
        rf"\definecolor{{minidl{name}}}{{HTML}}{{{getattr(theme, name)[1:].upper()}}}"
        for name in ("ink", "line", "paper", "value", "gradient", "local", "accent")
    )
    return rf"""% {latex_text(lesson.title)}: a skeleton to edit. It compiles as it stands, from its own folder.
\documentclass[aspectratio=169]{{beamer}}
% \setbeameroption{{show notes}}
\usepackage{{graphicx}}
\setbeamertemplate{{navigation symbols}}{{}}
{colours}
\setbeamercolor{{normal text}}{{fg=minidlink,bg=minidlpaper}}
\setbeamercolor{{frametitle}}{{fg=minidlline}}
\setbeamercolor{{structure}}{{fg=minidllocal}}
\title{{{latex_text(lesson.title)}}}
\subtitle{{{latex_text(lesson.promise)}}}
\begin{{document}}
\frame{{\titlepage}}
{frames}
\end{{document}}
"""


def _beamer_frame(slide: Slide) -> str:
    lines = [rf"\begin{{frame}}[shrink]{{{latex_text(slide.title)}}}"]
    if slide.figure:
        lines.append(rf"  \begin{{center}}\includegraphics[width=0.9\textwidth,height=0.45\textheight,keepaspectratio]"
                     rf"{{figures/{slide.figure}.pdf}}\end{{center}}")  # fmt: skip
    code = slide.snapshot.before.code
    if code and len(code) <= MOST_CODE and not slide.figure:
        rows = [latex_text(line.lstrip()).join([r"~" * (len(line) - len(line.lstrip())), ""]) for line in code]
        lines.append(r"  {\ttfamily\scriptsize " + "\\\\\n   ".join(rows) + r"\par}")
    if slide.sketches:
        share = 0.95 / len(slide.sketches)
        shown = [rf"\includegraphics[width={share:.2f}\textwidth]{{figures/{name}.pdf}}" for name in slide.sketches]
        lines.append(r"  \begin{center}" + "\n  ".join(shown) + r"\end{center}")
    lines += [rf"  {latex_text(line)}\par" for line in slide.said]
    if slide.revealed:
        lines.append(r"  \pause{\color{minidlaccent}" + r"\par ".join(map(latex_text, slide.revealed)) + r"\par}")
    lines += [rf"  % deck: decks/{deck}.pdf, played by decks/{deck}-beamer.tex" for deck in slide.decks]
    if slide.snapshot.hints:
        lines.append(r"  \note{" + r"\par ".join(map(latex_text, slide.snapshot.hints)) + "}")
    return "\n".join([*lines, r"\end{frame}"])


def pages(lesson: Lesson, slides: list[Slide], folder: Path, theme: Theme = LIGHT) -> str:
    """Return the HTML skeleton: sections as reveal.js wants them, with a script of its own that leafs through them."""
    sections = [f"<section><h1>{_text(lesson.title)}</h1><p>{_text(lesson.promise)}</p></section>"]
    sections += [_section(slide, folder) for slide in slides]
    return PAGE % {
        "title": _text(lesson.title),
        "sections": "\n".join(sections),
        "ink": theme.ink, "line": theme.line, "paper": theme.paper, "accent": theme.accent,
    }  # fmt: skip


def _section(slide: Slide, folder: Path) -> str:
    parts = [f"<h2>{_text(slide.title)}</h2>"]
    if slide.figure:
        alternative = " ".join(slide.snapshot.before.spoken or (slide.title,))
        parts.append(f'<img src="figures/{slide.figure}.svg" alt="{_text(alternative)}">')
    if slide.sketches:
        drawn = [f'<img src="figures/{name}.svg" alt="[{name[-1]}]">' for name in slide.sketches]
        parts.append(f'<div class="sketches">{"".join(drawn)}</div>')
    parts += [f'<p><a href="decks/{deck}.html">{_text(deck)}</a></p>' for deck in slide.decks]
    if slide.snapshot.before.code and not slide.figure:
        parts.append(f"<pre><code>{_text(chr(10).join(slide.snapshot.before.code))}</code></pre>")
    parts += [f"<p>{_text(line)}</p>" for line in slide.said]
    parts += [f'<p class="fragment">{_text(line)}</p>' for line in slide.revealed]
    if slide.snapshot.hints:
        parts.append(f'<aside class="notes">{_text(" ".join(slide.snapshot.hints))}</aside>')
    return "<section>" + "\n".join(parts) + "</section>"


def _text(text: str) -> str:
    return html.escape(text)


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s</title>
<style>
body { margin: 0; color: %(ink)s; background: %(paper)s; font: 2.6vh/1.4 'STIX Two Text', 'Times New Roman', serif; }
section { display: none; min-height: 100vh; padding: 5vh 8vw; box-sizing: border-box; }
section.present { display: block; }
h1, h2 { font-weight: normal; color: %(line)s; margin: 0 0 2vh; }
img { display: block; max-width: 84vw; max-height: 52vh; width: 100%%; object-fit: contain; margin: 0 auto 2vh; }
.sketches { display: flex; gap: 2vw; } .sketches img { flex: 1; min-width: 0; max-height: 34vh; }
p { margin: 0.6vh 0; } pre { font-size: 2vh; white-space: pre-wrap; }
.fragment { visibility: hidden; color: %(accent)s; } .fragment.visible { visibility: visible; }
aside.notes { display: none; }
@media print { section { display: block; break-after: page; } .fragment { visibility: visible; } }
</style>
</head>
<body>
<!-- The sections are those of reveal.js: to use it, put its style and script here and take out the script below. -->
<div class="reveal"><div class="slides">
%(sections)s
</div></div>
<script>
const slides = [...document.querySelectorAll("section")];
let at = Math.max(0, (parseInt(location.hash.slice(1)) || 1) - 1);
function show() {
  slides.forEach((slide, k) => slide.classList.toggle("present", k === at));
  history.replaceState(null, "", "#" + (at + 1));
}
function go(step) {
  const hidden = slides[at].querySelector(".fragment:not(.visible)");
  if (step > 0 && hidden) {
    slides[at].querySelectorAll(".fragment").forEach((part) => part.classList.add("visible"));
    return;
  }
  at = Math.min(Math.max(at + step, 0), slides.length - 1);
  show();
}
document.addEventListener("keydown", (event) => {
  if (["ArrowRight", "PageDown", " ", "Enter"].includes(event.key)) { event.preventDefault(); go(1); }
  if (["ArrowLeft", "PageUp", "Backspace"].includes(event.key)) { event.preventDefault(); go(-1); }
});
document.addEventListener("click", (event) => { if (!event.target.closest("a")) go(1); });
show();
</script>
</body>
</html>
"""
