"""The player of a deck: complete, safe, and driven by real keys and fingers in a real browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import minidl
import viz
from minidl.errors import UsageError
from viz.deck.deck import Deck, Frame
from viz.drawing.figure import Figure
from viz.drawing.theme import DARK, THEMES, Theme

from .chromium import Browser, needs_chromium

COUNT = 6


def deck(theme: Theme = THEMES["light"], count: int = COUNT) -> Deck:
    """Frames of unlike sizes, narrations of unlike lengths, two parts, and a question at the third."""
    frames = []
    for index in range(count):
        x, y = minidl.scalar(index + 1.0, name="x"), minidl.scalar(-4.0, name="y")
        figure = viz.draw((x * y).named("f"), grads=index % 2 == 0, theme=theme)
        asks = index == 2
        frames.append(
            Frame(
                figure,
                f"f = x · y = {-4 * (index + 1)}",
                f"step {index + 1} is told. " * (1 + index % 3),
                "forward" if index < 3 else "backward",
                "What comes next?" if asks else None,
                "minus sixteen" if asks else None,
            )
        )
    return Deck(frames, title="a product", text="x times y", theme=theme)


class Page(HTMLParser):
    """What a page says and refers to."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def test_it_holds_every_frame_and_needs_nothing_else() -> None:
    content = deck().html()
    page = Page(content)
    words = " ".join(page.words)
    for frame in deck():
        assert frame.step in words
        assert frame.narration.strip() in words
    assert "What comes next?" in words
    assert "Answer: minus sixteen" in words
    assert [attributes["id"] for tag, attributes in page.tags if tag == "section"] == [
        str(number) for number in range(1, COUNT + 1)
    ]
    assert "://" not in content
    assert not page.values("src")
    assert all(link.startswith("#") for link in page.values("href"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    referred = " ".join([*page.values("aria-labelledby"), *page.values("aria-controls")]).split()
    assert set(referred) <= set(ids)


def test_every_font_face_is_in_it_once_with_the_letters_of_all_frames() -> None:
    from fontTools.ttLib import TTFont

    content = deck().html()
    faces = re.findall(r"font-style:(\w+);font-weight:(\w+);src:url\(data:font/woff;base64,([^)]+)\)", content)
    assert len({face[:2] for face in faces}) == len(faces) == 3
    regular = next(data for *face, data in faces if face == ["normal", "normal"])
    covered = set(TTFont(io.BytesIO(base64.b64decode(regular))).getBestCmap())
    assert {*map(ord, "step is told 0123456789−·→")} <= covered


def test_the_script_is_the_one_that_the_policy_allows() -> None:
    content = deck().html()
    script = re.search(r"<script>(.*)</script>", content, flags=re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in content
    assert "default-src 'none'" in content


def test_it_is_the_same_every_time() -> None:
    assert deck().html() == deck().html()


HOSTILE = (
    '</script><script>document.hacked = 1</script><img src=x onerror="document.hacked = 1"> {{script}} &amp; \u202e\x00'
)


def hostile_deck() -> Deck:
    x = minidl.scalar(2.0, name=HOSTILE)
    dot = 'digraph { a [label="a", URL="javascript:alert(1)", tooltip="t"] }'
    frames = [
        Frame(viz.draw((x * x).named("f"), title=HOSTILE), HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        Frame(Figure(dot, title=HOSTILE, text=HOSTILE), HOSTILE, HOSTILE),
    ]
    return Deck(frames, title=HOSTILE, text=HOSTILE)


def test_what_people_write_is_text_not_markup() -> None:
    content = hostile_deck().html()
    page = Page(content)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == tags.count("style") == 1
    assert "img" not in tags
    assert "javascript" not in content
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "\u202e" not in content
    assert "\x00" not in content


@pytest.mark.parametrize("name", THEMES)
def test_the_page_has_the_colours_of_the_figures(name: str) -> None:
    theme = THEMES[name]
    content = deck(theme).html()
    assert f"--paper: {theme.paper};" in content
    assert f'<meta name="color-scheme" content="{"dark" if theme is DARK else "light"}">' in content


def test_a_theme_cannot_smuggle_anything_in() -> None:
    theme = Theme(ink="#000000;}</style><script>document.hacked = 1</script>")
    with pytest.raises(UsageError, match="#rrggbb"):
        replace(deck(), theme=theme).html()


# In a browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deck().save(tmp_path_factory.mktemp("deck") / "deck.html")


SHOWN = """[...document.querySelectorAll('.frame')].filter((frame) => {
  const [picture, words] = [...frame.children].map((part) => getComputedStyle(part).visibility);
  if (picture !== words) throw new Error('a picture without its words');
  return picture === 'visible';
}).map((frame) => Number(frame.id))"""


def shown(browser: Browser) -> int:
    """The one frame that can be seen; the list, the counter and the announcement agree."""
    (number,) = browser.run(SHOWN)
    assert browser.run("[...document.querySelectorAll('[aria-current=step]')].map(a => a.hash)") == [f"#{number}"]
    assert browser.run("document.getElementById('count').textContent") == f"{number} / {COUNT}"
    assert browser.run("document.getElementById('announcement').textContent").startswith(f"Step {number} of {COUNT}: ")
    return number


def place(browser: Browser) -> str:
    return str(browser.run("location.hash"))


MARKS = (needs_chromium, pytest.mark.browser, pytest.mark.slow)


def in_browser(test: Any) -> Any:
    for mark in MARKS:
        test = mark(test)
    return test


@in_browser
@pytest.mark.parametrize(
    ("keys", "number"),
    [
        (["ArrowRight"], 2),
        ([" "], 2),
        (["PageDown", "PageDown"], 3),
        (["ArrowLeft"], 1),
        (["End"], COUNT),
        (["End", "ArrowRight"], COUNT),
        (["End", "PageUp"], COUNT - 1),
        (["End", "Home"], 1),
        (["4", "Enter"], 4),
        (["9", "9", "Enter"], COUNT),
        (["4", "Escape", "Enter"], 1),
        (["1", "4", "Backspace", "Backspace", "5", "Enter"], 5),
        (["3", "Enter", "Enter"], 4),  # the third frame asks: Enter reveals
        (["2", "Enter", "Enter"], 2),  # the second does not
    ],
)
def test_keys(browser: Browser, player: Path, keys: list[str], number: int) -> None:
    browser.resize(1280, 720)
    browser.open(player)
    assert shown(browser) == 1
    browser.press(*keys)
    assert shown(browser) == number
    assert place(browser) == (f"#{number}" if number != 1 or "Home" in keys else "")


@in_browser
@pytest.mark.parametrize(("fragment", "number"), [("", 1), ("#3", 3), ("#99", COUNT), ("#0", 1), ("#<b>", 1)])
def test_the_address_names_the_step(browser: Browser, player: Path, fragment: str, number: int) -> None:
    browser.open(player, fragment)
    assert shown(browser) == number


@in_browser
def test_the_browser_s_own_back_and_forward(browser: Browser, player: Path) -> None:
    browser.open(player)
    browser.press("ArrowRight", "5", "Enter")
    for step, number in [("back", 2), ("back", 1), ("forward", 2), ("forward", 5)]:
        browser.run(f"history.{step}()")
        browser.wait_for(f"document.getElementById('at').textContent === '{number}'")
        assert shown(browser) == number


@in_browser
def test_the_list_of_steps_and_the_buttons(browser: Browser, player: Path) -> None:
    browser.resize(1280, 720)
    browser.open(player)
    browser.run("document.querySelectorAll('#steps a')[4].click()")
    assert shown(browser) == 5
    assert browser.run("[...document.querySelectorAll('#steps h2')].map(h => h.textContent)") == ["forward", "backward"]
    browser.run("document.querySelector('#controls [data-key=ArrowLeft]').click()")
    assert shown(browser) == 4
    browser.run("document.querySelector('#controls [data-key=Home]').click()")
    browser.press("3", "Enter")
    browser.run("document.querySelector('.shown .reveal').click()")
    assert shown(browser) == 4


@in_browser
def test_the_list_does_not_give_an_answer_away(browser: Browser, player: Path) -> None:
    browser.open(player)
    hidden = """[...document.querySelectorAll('#steps a')]
      .filter((link) => getComputedStyle(link.lastChild).visibility === 'hidden').map((link) => Number(link.hash.slice(1)))"""
    assert browser.run(hidden) == [4, 5, 6]
    browser.press("3", "Enter")
    assert browser.run(hidden) == [4, 5, 6]
    browser.press("Enter", "Home")
    assert browser.run(hidden) == []


@in_browser
def test_on_a_small_screen_what_lights_up_comes_into_view(browser: Browser, tmp_path: Path) -> None:
    names = [f"node{i}" for i in range(14)]
    frames = [
        Frame(
            Figure(
                "digraph { graph [rankdir=LR] node [style=filled, fillcolor=white] "
                f'{" -> ".join(names)} {name} [fillcolor="{THEMES["light"].accent_fill}"] }}'
            ),
            name,
        )
        for name in names
    ]
    browser.resize(360, 740, mobile=True)
    browser.open(Deck(frames).save(tmp_path / "deck.html"))
    for number in [1, 8, 14, 2]:
        browser.press(*str(number), "Enter")
        box = browser.run(
            "(() => { const box = document.querySelector('.shown .picture [fill=\"#fff3d6\"]').getBoundingClientRect();"
            " return [box.left, box.right]; })()"
        )
        assert 0 <= box[0] < box[1] <= 360, number
    browser.resize(1280, 720)


@in_browser
def test_space_on_a_button_is_the_button_s(browser: Browser, player: Path) -> None:
    browser.resize(1280, 720)
    browser.open(player)
    browser.run("document.querySelector('#controls [data-key=End]').focus()")
    browser.press(" ")
    assert shown(browser) == COUNT


BOXES = """[...document.querySelectorAll('.frame')].map((frame) => [...frame.querySelectorAll('.picture, .picture svg, .words')]
  .map((part) => { const box = part.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; }))"""


@in_browser
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 720), (3840, 2160)])
def test_nothing_jumps_and_nothing_leaves_the_screen(browser: Browser, player: Path, width: int, height: int) -> None:
    browser.resize(width, height)
    browser.open(player)
    boxes = browser.run(BOXES)
    assert [part[:2] for part in boxes] == [boxes[0][:2]] * COUNT  # every picture in the same box
    assert len({tuple(part[2][:2]) for part in boxes}) == 1  # and all that is said begins at the same height
    browser.press("End")
    assert browser.run(BOXES) == boxes
    pane, _, words = boxes[0]
    assert pane[1] + pane[3] <= words[1] + 0.5
    assert max(part[2][1] + part[2][3] for part in boxes) <= height
    assert browser.run("document.documentElement.scrollWidth") == width
    controls = browser.run(
        "[...document.querySelectorAll('#controls button')].map(b => b.getBoundingClientRect())"
        ".filter(b => b.width).map(b => [b.left, b.right, b.bottom])"
    )
    assert len(controls) >= 7
    assert all(left >= 0 and right <= width and bottom <= height for left, right, bottom in controls)
    letters = browser.run(
        "Math.min(...[...document.querySelectorAll('.words, nav a')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert letters >= 14.4


@in_browser
def test_what_can_be_shown_and_hidden(browser: Browser, player: Path) -> None:
    browser.resize(1280, 720)
    browser.open(player)

    def seen(selector: str) -> bool:
        return bool(browser.run(f"document.querySelector('{selector}').getClientRects().length"))

    for key, selector, button, state in [
        ("l", "#steps", "list", "aria-expanded"),
        ("n", ".shown .narration", "words", "aria-pressed"),
    ]:
        for there in (True, False, True):
            assert seen(selector) == there
            assert (
                browser.run(f"document.getElementById('{button}-button').getAttribute('{state}')") == str(there).lower()
            )
            browser.press(key)
        browser.press(key)
    browser.press("?")
    assert seen("#help")
    browser.press("ArrowRight", "Escape")
    assert not seen("#help")
    assert shown(browser) == 1
    browser.press("4")
    assert browser.run("document.getElementById('typed').textContent") == "→ 4"
    browser.press("ArrowRight")
    assert not seen("#typed")
    browser.press("f")
    browser.wait_for("document.fullscreenElement === document.documentElement")
    assert not seen("#controls")
    browser.press("ArrowRight")
    assert shown(browser) == 3
    browser.press("f")
    browser.wait_for("document.fullscreenElement === null")


@in_browser
def test_beside_a_wide_picture_the_list_waits_until_it_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    wide = Figure("digraph { graph [rankdir=LR] " + " -> ".join(f"node{i}" for i in range(14)) + " }")
    browser.resize(1280, 720)
    browser.open(Deck([Frame(wide, "a"), Frame(wide, "b")]).save(tmp_path / "deck.html"))
    listed = "document.getElementById('steps').getClientRects().length"
    pane = "document.querySelector('.shown .picture')"
    assert not browser.run(listed)
    assert browser.run(f"{pane}.querySelector('svg').getBoundingClientRect().width") > 1200
    browser.press("l")
    assert browser.run(listed)
    assert browser.run(f"{pane}.scrollWidth === {pane}.clientWidth")


@in_browser
def test_on_a_phone_the_list_lies_over_the_picture_until_a_step_is_chosen(browser: Browser, player: Path) -> None:
    browser.resize(360, 740, mobile=True)
    browser.open(player)
    listed = "document.getElementById('steps').getClientRects().length"
    assert not browser.run(listed)
    browser.press("l")
    assert browser.run(listed)
    browser.run("document.querySelectorAll('#steps a')[3].click()")
    assert not browser.run(listed)
    assert shown(browser) == 4


@in_browser
def test_a_swipe(browser: Browser, player: Path) -> None:
    browser.resize(800, 600, mobile=True)
    browser.open(player)
    for start, end, number in [
        ((600, 200), (300, 210), 2),
        ((600, 200), (570, 200), 2),
        ((600, 200), (500, 350), 2),
        ((300, 200), (600, 190), 1),
    ]:
        browser.swipe(start, end)
        assert shown(browser) == number
        time.sleep(0.1)  # the browser's own swipe would come late
        assert place(browser) == f"#{number}"
    browser.resize(1280, 720)


@in_browser
def test_a_picture_too_wide_for_the_screen_is_moved_first_and_lies_where_it_was(browser: Browser, player: Path) -> None:
    browser.resize(120, 500, mobile=True)
    browser.open(player, "#2")
    pane = "document.querySelector('.shown .picture')"
    room = browser.run(f"{pane}.scrollWidth - {pane}.clientWidth")
    assert room > 20
    browser.run(f"{pane}.scrollTo({room - 5}, 0)")
    browser.swipe((20, 200), (80, 200))  # to the left there is more of the picture
    assert shown(browser) == 2
    browser.run(f"{pane}.scrollTo({room}, 0)")
    browser.press("ArrowRight")
    assert shown(browser) == 3
    assert browser.run(f"{pane}.scrollLeft") == room
    browser.resize(1280, 720)


@in_browser
def test_it_plays_to_the_question_and_then_to_the_end(browser: Browser, player: Path) -> None:
    browser.open(player)
    browser.run("document.querySelectorAll('.frame').forEach(frame => { frame.dataset.seconds = 0.03; })")
    label = "document.getElementById('play').getAttribute('aria-label')"
    browser.press("p")
    browser.wait_for(f"document.getElementById('at').textContent === '3' && {label} === 'play'")
    browser.press("p")
    browser.wait_for(f"document.getElementById('at').textContent === '{COUNT}' && {label} === 'play'")
    assert place(browser) == f"#{COUNT}"
    browser.run("document.querySelectorAll('.frame').forEach(frame => { frame.dataset.seconds = 60; })")
    browser.press("p")
    assert browser.run(label) == "pause"
    assert shown(browser) == 1
    browser.press("ArrowRight")
    assert browser.run(label) == "play", "who takes a step takes over"


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_printed_it_has_a_page_a_frame(browser: Browser, tmp_path: Path, theme: str) -> None:
    from pypdf import PdfReader

    browser.open(deck(THEMES[theme]).save(tmp_path / "deck.html"), "#2")
    reader = PdfReader(io.BytesIO(browser.printed()))
    assert len(reader.pages) == COUNT
    for frame, page in zip(deck(), reader.pages, strict=True):
        words = re.sub(r"\s+", " ", page.extract_text())
        assert frame.narration.strip() in words
        assert "Enter" not in words
    assert len({tuple(page.mediabox) for page in reader.pages}) == 1


@in_browser
def test_without_a_script_all_frames_stand_one_below_the_other(browser: Browser, player: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(player)
        assert browser.run("document.documentElement.className") == ""
        tops = browser.run("[...document.querySelectorAll('.picture svg')].map(e => e.getBoundingClientRect().top)")
        assert len(set(tops)) == COUNT
        assert tops == sorted(tops)
        assert browser.run("getComputedStyle(document.getElementById('controls')).display") == "none"
        assert browser.run("document.scrollingElement.scrollHeight") > tops[-1]
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


@in_browser
def test_hostile_names_stay_words(browser: Browser, tmp_path: Path) -> None:
    browser.open(hostile_deck().save(tmp_path / "deck.html"))
    browser.press("ArrowRight")
    assert browser.run(SHOWN) == [2]
    assert browser.run("document.hacked === undefined && document.images.length === 0")
    assert "<script>document.hacked" in browser.run("document.querySelector('.shown .narration').textContent")


@in_browser
def test_a_notebook_shows_the_player(browser: Browser, tmp_path: Path) -> None:
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!DOCTYPE html>{deck()._repr_mimebundle_()['text/html']}", encoding="utf-8")
    browser.open(notebook)
    inside = "document.querySelector('iframe').contentDocument"
    browser.wait_for(f"{inside}?.getElementById('at')?.textContent === '1'")
    browser.run(f"{inside}.querySelector('#controls [data-key=ArrowRight]').click()")
    assert browser.run(f"{inside}.getElementById('at').textContent") == "2"
    assert json.loads(
        browser.run(f"JSON.stringify([...{inside}.querySelectorAll('.frame.shown')].map(f => f.id))")
    ) == ["2"]


# Questions ------------------------------------------------------------------------------------------------------------


def questions(theme: str = "light", name: str = "x") -> Deck:
    x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, name), (5.0, "y"), (-4.0, "z")])
    return viz.frames(((x + y) * z).named("f"), predict=True, theme=theme)


@pytest.fixture(scope="module")
def quiz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return questions().save(tmp_path_factory.mktemp("quiz") / "deck.html")


FEEDBACK = "document.querySelector('.shown .feedback').textContent"
FOCUSED = "document.activeElement.matches('.shown input')"
AT = "document.getElementById('at').textContent"


def test_a_question_has_a_field_and_its_answer_stands_in_no_visible_text() -> None:
    content = questions().html()
    page = Page(content)
    data = [json.loads(value) for value in page.values("data-quiz")]
    assert [each["answer"] for each in data] == [[3], [-12], [-4], [3], [-4], [-4]]
    fields = [attributes for tag, attributes in page.tags if tag == "input"]
    assert [field["id"] for field in fields] == page.values("for")
    sections = re.findall(r'<section class="frame".*?</section>', content, flags=re.DOTALL)
    asking = [section for section in sections if "data-quiz" in section]
    assert len(asking) == 6
    assert "−12" not in " ".join(Page(asking[1]).words)
    assert page.tags.count(("script", {})) == 1
    assert "form-action 'none'" in content


def test_what_a_name_says_stays_data() -> None:
    content = questions(name=HOSTILE[:24]).html()
    page = Page(content)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert len([json.loads(value) for value in page.values("data-quiz")]) == 6
    assert "</script><script>" not in content


SPELLINGS = [
    "3", "−3", "-4", "4", "12", "−12", "1", "7", "-1/2", "½", "1e-3", "9.095×10⁻¹³", "10⁻³", "2^3", "inf", "-∞", "nan", "0,5",
    "-1 4", "[−1, 4]", "-1; 4", "[[−1], [4]]", "-1 1; 4 -4", "[[−1, 1], [4, −4]]", "[[-1, 4], [1, -4]]", "[-1, 1, 4, -4]",
    "[1 2; 3 4;]", "2 -2 -8 8", "-1 1; 4 -5", "-1 1; 0 7", "-1.01 4.01", "11 -6", "[7, -7]", "5 5", "12.1", "0", "",
    "four", "4x", "--4", "1/0", "[", "]", "[1, [2]]", "[[1, 2], [3]]", "[]", ";", "1.2.3", "f = −4", " 7 ", "1\u00a02", "1e300",
    "123456", "0.00001", "-77.7777", "٣", "é4", "4é", "[[[[[1]]]]]", "(3)", "- 4", "+3.", ".5", "1½",
]  # fmt: skip


@in_browser
def test_the_page_judges_as_the_terminal_does(browser: Browser, quiz: Path) -> None:
    W, x, b = (
        minidl.tensor(v, dtype=minidl.float64, requires_grad=True, name=n)
        for v, n in [([[1.0, 2.0], [3.0, -1.0]], "W"), ([1.0, -1.0], "x"), ([0.5, -2.0], "b")]
    )
    affine = viz.frames(minidl.squared_norm(W @ x + b).named("z"), predict=True)
    t = minidl.scalar(0.3, name="t")
    curved = viz.frames((t.sin() * t.exp() / (t - t)).named("f"), predict=True)
    asked = [frame.quiz for deck in (questions(), affine, curved) for frame in deck if frame.quiz]
    browser.open(quiz)
    pairs = 0
    for question in asked:
        texts = [*SPELLINGS, *(json.dumps(diagnosis.value) for diagnosis in question.diagnoses)]
        script = f"{json.dumps(texts)}.map((text) => quiz.judge({json.dumps(question.data())}, text))"
        for text, found in zip(texts, browser.run(script), strict=True):
            verdict = question.judge(text)
            assert found == {"right": verdict.right, "say": verdict.say}, (question.prompt, text)
            pairs += 1
    assert pairs > 1000


@in_browser
def test_a_wrong_answer_is_diagnosed_and_a_right_one_goes_on(browser: Browser, quiz: Path) -> None:
    browser.resize(1280, 720)
    browser.open(quiz, "#11")
    assert not browser.run(FOCUSED)
    browser.press("Enter")
    assert browser.run(FOCUSED)
    browser.press("1", "Enter")
    assert browser.run(FEEDBACK).startswith("That is the local derivative of + alone")
    browser.press("7", "Enter")  # what was typed before is selected, so it is replaced
    assert browser.run(FEEDBACK) == "If it were so, moving x by 0.1 would move f by 0.7; it moves by −0.4."
    assert browser.run(AT) == "11"
    browser.press("-", "4", "Enter")
    assert browser.run(AT) == "12"
    assert browser.run("document.querySelector('.shown .answer').textContent") == "Right: −4"
    assert "Right: −4" in browser.run("document.getElementById('announcement').textContent")
    browser.press("ArrowLeft")
    assert browser.run(FEEDBACK) == browser.run("document.querySelector('.shown input').value") == ""


@in_browser
def test_hint_and_show_me(browser: Browser, quiz: Path) -> None:
    browser.open(quiz, "#2")
    browser.run("document.querySelector('.shown .hint').click()")
    assert browser.run(FEEDBACK) == "Put the numbers in: q = (−2) + 5."
    assert browser.run(FOCUSED)
    browser.run("document.querySelector('.shown .quiz [data-key=ArrowRight]').click()")
    assert browser.run(AT) == "3"
    assert browser.run("document.querySelector('.shown .answer').textContent") == "Answer: 3"
    browser.press("ArrowRight", "Enter", "?", "Enter")
    assert browser.run(FEEDBACK) == "Put the numbers in: f = 3·(−4)."
    browser.press("Enter")  # nothing is typed: the answer is shown
    assert browser.run(AT) == "5"


@in_browser
def test_the_keys_are_the_field_s_only_while_an_answer_is_typed(browser: Browser, quiz: Path) -> None:
    browser.open(quiz, "#2")
    browser.press("ArrowRight", "ArrowLeft")
    assert browser.run(AT) == "2"
    browser.press("Enter", "1", "2", "ArrowLeft", "p", " ", "Home", "l")
    assert browser.run(AT) == "2"
    assert browser.run("document.querySelector('.shown input').value") == "l1p 2"
    browser.press("Escape", "ArrowRight")
    assert browser.run(AT) == "3"
    browser.press("ArrowLeft", "Enter", "ArrowRight")  # an empty field has no use for arrows
    assert browser.run(AT) == "3"
    browser.press("ArrowLeft", "Enter", "5", "PageDown")
    assert browser.run(AT) == "3"
    browser.press("4", "Enter")  # a number outside the field is that of a step
    assert browser.run(AT) == "4"


@in_browser
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844), (844, 390)])
def test_what_is_said_moves_nothing(browser: Browser, quiz: Path, width: int, height: int) -> None:
    browser.resize(width, height)
    browser.open(quiz, "#11")
    box = "JSON.stringify(document.querySelector('.shown .picture').getBoundingClientRect())"
    before = browser.run(box)
    browser.press("Enter", "1", "Enter")
    assert browser.run(FEEDBACK)
    assert browser.run(box) == before
    bottom = browser.run("document.querySelector('.shown .feedback').getBoundingClientRect().bottom")
    assert bottom <= browser.run("document.getElementById('controls').getBoundingClientRect().top")
    assert browser.run("document.documentElement.scrollWidth") == width
    browser.resize(1280, 720)


@in_browser
def test_printed_a_question_is_a_question(browser: Browser, quiz: Path) -> None:
    from pypdf import PdfReader

    browser.open(quiz, "#4")
    browser.press("Enter", "1", "2", "Enter")
    reader = PdfReader(io.BytesIO(browser.printed()))
    words = re.sub(r"\s+", " ", reader.pages[3].extract_text())
    assert "What is f = q·z?" in words
    for hidden in ("answer", "check", "show me", "look at its sign", "−12"):
        assert hidden not in words


@in_browser
def test_without_a_script_a_question_has_no_field(browser: Browser, quiz: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(quiz)
        assert (
            browser.run("[...document.querySelectorAll('.quiz, .feedback')].some(e => e.getClientRects().length)")
            is False
        )
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
