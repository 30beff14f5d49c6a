"""A lesson as one HTML page: every step with its figure, its code, its numbers, and its answer folded away."""

from __future__ import annotations

import copy
import html
from pathlib import Path

from minidl.errors import MinidlError
from minidl.files import write_atomic
from viz.drawing.svg import embedded_faces
from viz.drawing.theme import LIGHT, Theme
from viz.report.inline import inline

from ..drawing.picture import Drawing
from ..learning import workbench
from ..learning.answers import LETTERS
from ..learning.progress import Place
from ..learning.recording import Page, Snapshot, record
from ..learning.session import Session
from ..lesson import Lesson
from ..terminal import figures
from ..terminal.views import score_lines
from ..text import EMPHASIS

STYLE = """
:root { --ink: %(ink)s; --line: %(line)s; --fill: %(fill)s; --dim: %(dim)s; --paper: %(paper)s; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.4rem 4rem; max-width: 52rem; color: var(--ink); background: var(--paper);
  font: 18px/1.5 'STIX Two Text', 'Times New Roman', serif; }
h1 { font-size: 1.9rem; font-weight: normal; margin: 0; }
h2 { font-size: 1.15rem; font-weight: normal; color: var(--line); margin: 0 0 0.6rem; }
section { border-top: 1px solid var(--dim); margin-top: 2rem; padding-top: 1rem; }
p { margin: 0.25rem 0; overflow-wrap: anywhere; }
pre { font: 14px/1.35 'DejaVu Sans Mono', 'Cascadia Mono', Menlo, Consolas, monospace; overflow-x: auto; margin: 0.7rem 0; }
pre.code { background: var(--fill); padding: 0.6rem 0.8rem; border-left: 3px solid var(--line); }
pre.output { padding: 0 0.8rem; }
pre .value { color: %(value)s; } pre .gradient { color: %(gradient)s; } pre .asked { color: %(accent)s; font-weight: bold; }
pre .wire { color: var(--line); } pre .operator, pre .name { font-weight: bold; }
figure { margin: 0.8rem 0; overflow-x: auto; } figure svg { display: block; max-width: 100%%; height: auto; margin: 0 auto; }
figcaption { color: var(--line); font-size: 0.9rem; text-align: center; }
.sketches { display: flex; gap: 1rem; flex-wrap: wrap; } .sketches figure { flex: 1 1 12rem; }
.question { font-weight: bold; }
.given { border-left: 3px solid %(accent)s; padding-left: 0.8rem; margin: 0.7rem 0; } .given ol { margin: 0; }
details { margin: 0.7rem 0; } summary { cursor: pointer; color: var(--line); }
nav ol { columns: 16rem auto; padding-left: 1.6rem; } nav a { color: inherit; }
@media print { details:not([open]) > *:not(summary) { display: block; } nav { display: none; } }
"""


def save(lesson: Lesson, path: Path, theme: Theme = LIGHT, place: Place | None = None) -> Path:
    """Write a lesson as one page that needs no other file and no network, and return its path.

    Args:
        lesson: the lesson.
        path: where to write.
        theme: the colours.
        place: a learner's place, whose answers stand in it.

    Raises:
        OSError: it cannot be written.
    """
    return write_atomic(path, page(lesson, theme, place))


def page(lesson: Lesson, theme: Theme = LIGHT, place: Place | None = None) -> str:
    """Return the page."""
    session = Session(lesson, record(lesson, theme), copy.deepcopy(place) if place else Place())
    writer = _Writer(theme)
    sections = []
    for index in range(len(lesson.steps)):
        session.go(index)
        sections.append(writer.section(session))
    if place is not None:
        sections.append(f"<section><h2>What became of it</h2>{''.join(map(_sentence, score_lines(session)))}</section>")
    title = html.escape(f"{lesson.number} · {lesson.title}")
    items = "".join(
        f'<li><a href="#step-{number}">{_name(step.name)}</a></li>' for number, step in enumerate(lesson.steps, 1)
    )
    read = "".join(f"<p>{html.escape(line)}</p>" for line in lesson.read)
    read = f"<section><h2>To read on</h2>{read}</section>" if read else ""
    palette = {
        name: getattr(theme, name) for name in ["ink", "line", "fill", "dim", "paper", "value", "gradient", "accent"]
    }
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE % palette}{''.join(sorted(writer.faces))}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{title}</h1>\n<p>{html.escape(lesson.promise)}</p>\n<nav><ol>{items}</ol></nav>\n"
        + "\n".join([*sections, read])
        + "\n</main>\n</body>\n</html>\n"
    )


class _Writer:
    """Writes the steps; keeps the letters' fonts, which stand once at the top."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.faces: set[str] = set()
        self._pictures = 0

    def section(self, session: Session) -> str:
        """One step, with what the learner answered, if anything."""
        number, snapshot = session.index + 1, session.snapshot
        before, question = snapshot.before, snapshot.step.question
        parts = [self._picture(before), _program(before), *map(_sentence, before.text)]
        if question is not None:
            parts += [f'<p class="question">{_emphasis(line)}</p>' for line in snapshot.ask]
            parts += [self._options(snapshot)]
            taken = session.answer.hints
            for k, hint in enumerate(snapshot.hints, 1):
                parts.append(_folded(f"Hint {k}{' (taken)' * (k <= taken)}", f"<p>{_emphasis(hint)}</p>"))
            parts += [_given(session), self._answer(session)]
        if snapshot.step.figure:
            parts.append(self._drawn(snapshot.names[snapshot.step.figure], ""))
        body = "\n".join(part for part in parts if part)
        return f'<section id="step-{number}">\n<h2>{number} · {_name(snapshot.step.name)}</h2>\n{body}\n</section>'

    def _answer(self, session: Session) -> str:
        """What follows the answer: folded away, or open where the learner has settled it."""
        snapshot = session.snapshot
        correct, before = snapshot.correct, snapshot.before.art
        after = snapshot.after if session.open else session.page
        words = ""
        if snapshot.options:
            k = LETTERS.index(correct)
            said = snapshot.judge(correct).say
            words = f"<p>[{correct}] {_emphasis(snapshot.options[k])}: {_emphasis(said)}</p>"
        elif "\n" not in correct:
            words = f"<p>{html.escape(correct.replace('-', '−'))}</p>"
        if session.answer.right:
            words = ""  # it stands above, with what the learner said
        is_new = after.drawing or (after.art and (before is None or before.say != after.art.say))
        picture = self._picture(after) if is_new else ""
        return _folded(
            "Answer", "\n".join([words, _program(after), *map(_sentence, after.text), picture]), not session.open
        )

    def _options(self, snapshot: Snapshot) -> str:
        if not snapshot.options:
            return ""
        labels = [f"[{LETTERS[k]}] {text}" for k, text in enumerate(snapshot.options)]
        if snapshot.sketches:
            drawn = [self._drawn(art.value, label) for art, label in zip(snapshot.sketches, labels, strict=True)]
            return f'<div class="sketches">{"".join(drawn)}</div>'
        return "".join(f"<p>{_emphasis(label)}</p>" for label in labels)

    def _picture(self, shown: Page) -> str:
        if shown.drawing:
            return _circuit(shown.drawing)
        return self._drawn(shown.art.value, shown.art.say) if shown.art else ""

    def _drawn(self, value: object, say: str) -> str:
        caption = f"<figcaption>{_emphasis(say)}</figcaption>" if say else ""
        try:
            svg = figures.figure_of(value, self.theme).svg()
        except (MinidlError, ImportError) as error:
            return f"<figure>{caption}<p>(It could not be drawn: {html.escape(str(error))})</p></figure>"
        self.faces.add(embedded_faces(svg))
        self._pictures += 1
        return f"<figure>{inline(svg, f'p{self._pictures}-', 'the figure')}{caption}</figure>"


def _circuit(drawing: Drawing) -> str:
    lines = [
        "".join(f'<span class="{span.role}">{html.escape(span.text)}</span>' for span in line) for line in drawing.lines
    ]
    return (
        f'<pre class="circuit" role="img" aria-label="{html.escape(" ".join(drawing.spoken))}">'
        + "\n".join(lines)
        + "</pre>"
    )


def _program(shown: Page) -> str:
    code = html.escape("\n".join(shown.code), quote=False)
    output = html.escape("\n".join(shown.output), quote=False)
    parts = [f'<pre class="code">{code}</pre>' if code else "", f'<pre class="output">{output}</pre>' if output else ""]
    return "".join(parts)


def _sentence(line: str) -> str:
    """A line of narration; one that is set in columns keeps its spaces."""
    if "  " in line.strip() or line.startswith("   "):
        return f"<pre>{_emphasis(line)}</pre>"
    return f"<p>{_emphasis(line)}</p>" if line.strip() else ""


def _emphasis(line: str) -> str:
    return EMPHASIS.sub(r"<em>\1</em>", html.escape(line, quote=False)).replace("\n", "<br>")


def _folded(title: str, content: str, is_open: bool = False) -> str:
    opened = ' open=""' if is_open else ""
    return f"<details{opened}><summary>{title}</summary>{content}</details>"


def _given(session: Session) -> str:
    """What the learner answered, each with what was said to it; and their file, as it is now."""
    lines = [f"<li>{_emphasis(given)}{': ' * bool(say)}{_emphasis(say)}</li>" for given, say in session.said()]
    if not lines and session.answer.settled:
        lines = ["<li>(shown)</li>"]
    file = ""
    if session.file is not None and lines and session.file.is_file():
        file = f'<pre class="code">{html.escape(workbench.read(session.file), quote=False)}</pre>'
    return f'<div class="given"><p>You answered:</p><ol>{"".join(lines)}</ol>{file}</div>' if lines else ""


def _name(name: str) -> str:
    return html.escape(name.replace("-", " "))
