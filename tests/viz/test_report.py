"""The report: complete, self-contained, safe, and honest about what is missing; tried in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import CheckpointError, DataError
from minidl.models import LeNet
from minidl.nn import functional as F
from viz.passes.draw import draw_passes
from viz.plots import bars, curves, guesses, kernels
from viz.report.inline import inline
from viz.report.page import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EPOCHS = 3


@pytest.fixture(scope="module")
def pictures() -> dict[str, str]:
    """Real pictures of a tiny run, drawn once."""
    generator = np.random.default_rng(0)
    model = LeNet()
    images = minidl.tensor(generator.random((4, 1, 8, 8), dtype=np.float32))
    drawn = {}
    for epoch in range(EPOCHS + 1):
        loss = F.cross_entropy(model(images), minidl.tensor([1, 2, 3, epoch]))
        drawn[f"passes-{epoch:03d}"] = draw_passes(loss, model, caption=f"caption of epoch {epoch}").svg()
        drawn[f"kernels-conv1-{epoch:03d}"] = kernels(model.conv1.weight.data * (epoch + 1), "conv1", limit=1.0).svg()
    drawn["curves"] = curves(history()).svg()
    drawn["kernels-conv1"] = kernels(model.conv1.weight.data, "conv1").svg()
    probabilities = np.tile([0.7, 0.2, 0.1], (5, 1))
    drawn["guesses"] = guesses(images.data[[0, 1, 2, 3, 0]], np.array([0, 0, 1, 2, 1]), probabilities).svg()
    return drawn


def history(epochs: int = EPOCHS) -> list[dict[str, Any]]:
    return [
        {
            "epoch": epoch,
            "step": 36 * epoch,
            "learning_rate": 0.05 / epoch,
            "train_loss": 1 / epoch,
            "train_accuracy": 1 - 0.2 / epoch,
            "validation_loss": 1.1 / epoch,
            "validation_accuracy": 1 - 0.3 / epoch,
            "gradient_norm.conv1": 0.5 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


CONFIG = {"minidl": "0.1.0", "data": "digits", "model": "lenet", "parameters": 6090, "epochs": EPOCHS, "seed": 7}
RESULT = {"test_accuracy": 0.9861, "interval": [0.968, 0.995], "correct": 355, "total": 360, "top_3_accuracy": 0.999}


@pytest.fixture
def run(tmp_path: Path, pictures: dict[str, str]) -> Path:
    folder = tmp_path / "digits-lenet-seed7"
    figures = folder / "figures"
    figures.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(RESULT), encoding="utf-8")
    write_metrics(folder, history())
    for name, svg in pictures.items():
        (figures / f"{name}.svg").write_text(svg, encoding="utf-8")
    return folder


def write_metrics(folder: Path, records: list[dict[str, Any]]) -> None:
    lines = [",".join(records[0]), *(",".join(map(str, record.values())) for record in records)]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


class Page(HTMLParser):
    """What a report says and refers to; the contents of templates apart."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.templates = 0
        self._depth = 0
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag == "template"
        self.templates += tag == "template"
        for name, value in attrs:
            if name == "id" and not self._depth:
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "template"

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.words.append(data)


def report(folder: Path) -> tuple[str, Page]:
    path = write_report(folder)
    assert path == folder / "report.html"
    content = path.read_text(encoding="utf-8")
    return content, Page(content)


def test_it_shows_everything_and_needs_nothing_else(run: Path) -> None:
    content, page = report(run)
    words = " ".join(page.words)
    for wanted in (
        "98.6 %",
        "95 % interval 96.80 – 99.50 %",
        "355 of 360",
        "seed 7",
        "6\u2009090",
        "caption of epoch 3",
    ):
        assert wanted in words
    for record in history():
        assert f"{record['train_loss']:.4f}" in words
    assert all(link.startswith(("#", "data:image/")) for link in page.links)
    assert not page.handlers
    assert "http://" not in content
    assert "https://" not in content
    assert page.templates == EPOCHS + 1
    assert [name for name in page.ids if page.ids.count(name) > 1] == []
    assert content.count("@font-face") <= 4  # embedded once for all pictures
    assert len(content) < 1_000_000


def test_references_inside_pictures_reach_their_targets(run: Path) -> None:
    content, page = report(run)
    visible = re.sub(r"<template\b.*?</template>", "", content, flags=re.DOTALL)
    targets = set(re.findall(r'(?:href="#|url\(#)([\w.:-]+)', visible))
    assert targets
    assert targets <= set(page.ids)


def test_the_script_is_the_one_that_the_policy_allows(run: Path) -> None:
    content, _ = report(run)
    script = re.search(r"<script>(.*)</script>", content, flags=re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in content
    assert "default-src 'none'" in content


def test_an_interval_that_ends_short_of_everything_does_not_say_everything(run: Path) -> None:
    result = RESULT | {"interval": [0.98459, 0.99993]}
    (run / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert "95 % interval 98.46 – 99.99 %" in " ".join(report(run)[1].words)


def test_it_says_which_epoch_s_weights_were_tested(run: Path) -> None:
    assert f"with the weights after the last epoch, {EPOCHS}" in " ".join(report(run)[1].words)


def test_kernels_that_the_player_shows_are_not_shown_again(run: Path, pictures: dict[str, str]) -> None:
    (run / "figures" / "kernels-conv2.svg").write_text(pictures["kernels-conv1"], encoding="utf-8")
    content, page = report(run)
    assert content.count('id="kernels-conv2-') > 0
    assert content.count('id="kernels-conv1-') == 0
    assert "Those of conv1 are in the pictures of the passes above" in " ".join(page.words)
    for path in sorted((run / "figures").glob("passes-*.svg")):  # without diagrams there is no player
        path.unlink()
    assert 'id="kernels-conv1-' in report(run)[0]


def test_a_network_without_convolutions_has_no_section_of_kernels(run: Path) -> None:
    for path in sorted((run / "figures").glob("kernels-*.svg")):
        path.unlink()
    assert "kernels" not in " ".join(report(run)[1].words)


def test_a_small_plot_is_not_blown_up(run: Path) -> None:
    one = guesses(np.zeros((1, 1, 8, 8)), np.array([1]), np.array([[0.9, 0.1]])).svg()
    (run / "figures" / "guesses.svg").write_text(one, encoding="utf-8")
    content, _ = report(run)
    own = re.search(r'style="--own: (\d+)px"><svg[^>]*? width="([\d.]+)pt"[^>]*aria-labelledby="guesses-', content)
    assert own
    assert int(own[1]) == round(1.2 * float(own[2]) * 4 / 3) < 650
    assert "max-width: min(60rem, var(--own" in content


def test_the_note_on_the_table_is_not_in_the_part_that_scrolls(run: Path) -> None:
    content, _ = report(run)
    before, table = content.split('<div class="table"')
    assert "The best epoch is the one with the highest" in before
    assert "<caption>" not in table.split("</table>")[0]


def test_forty_epochs_stay_small(run: Path, pictures: dict[str, str]) -> None:
    for epoch in range(41):
        for name in ("passes", "kernels-conv1"):
            svg = pictures[f"{name}-{epoch % (EPOCHS + 1):03d}"]
            (run / "figures" / f"{name}-{epoch:03d}.svg").write_text(svg, encoding="utf-8")
    write_metrics(run, history(40))
    assert write_report(run).stat().st_size < 3_000_000


def test_what_files_say_is_text_not_markup(run: Path) -> None:
    config = CONFIG | {"data": "<script>alert(1)</script>", "<b>key": {"x": ["</table>", None, 0.1]}}
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_metrics(run, [record | {"gradient_norm.<i>": 1.0} for record in history()])
    (run / "figures" / "kernels-<img src=x onerror=alert(1)>.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><text>&lt;u&gt;</text></svg>', encoding="utf-8"
    )
    content, page = report(run)
    assert content.count("<script>") == 1
    assert not page.handlers
    for harmful in ("<b>key", "<i>", "<u>", "<img", "None"):
        assert harmful not in content


EVIL = """<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 onload="alert(1)"><script>alert(2)</script><style>@import url(http://evil.example)</style>
<foreignObject><iframe src="http://evil.example"/></foreignObject><a xlink:href="javascript:alert(3)"><g/></a>
<image xlink:href="http://evil.example/x.png"/><image href="data:image/svg+xml;base64,AAAA"/>
<rect id="r" fill="url(http://evil.example#a)" style="fill:u\\72l(http://evil.example)" onclick="alert(4)" width="5"/>
<use xlink:href="http://evil.example#a"/><use xlink:href="#r"/><text>1 &lt; 2</text></svg>"""


def test_pictures_from_files_lose_what_is_no_picture() -> None:
    clean = inline(EVIL, "p-", "evil.svg")
    assert clean.count("alert") == 0
    assert "evil.example" not in clean
    assert "javascript" not in clean
    assert 'id="p-r"' in clean
    assert 'href="#p-r"' in clean
    assert "1 &lt; 2" in clean


def test_a_bar_keeps_its_hatching_on_a_page() -> None:
    page = inline(bars({"a": {"x": 1.0}, "b": {"x": 2.0}}).svg(), "p-", "bars.svg")
    used = set(re.findall(r"fill: url\(#([\w-]+)\)", page))
    assert used
    assert used <= set(re.findall(r'<pattern id="([\w-]+)" patternUnits', page))


@pytest.mark.parametrize(
    "content", ["", "<svg", "<html></html>", "<svg>&nope;</svg>", "<svg>" + "<g>" * 99 + "</g>" * 99 + "</svg>"]
)
def test_damaged_pictures_are_named(run: Path, content: str) -> None:
    (run / "figures" / "curves.svg").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"curves\.svg"):
        write_report(run)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("config.json", b"{", "not JSON"),
        ("config.json", b"[]", "not an object"),
        ("config.json", b"\xff\xfe", "not UTF-8"),
        ("result.json", b"{}", "test_accuracy"),
        ("result.json", b'{"test_accuracy": 0.9, "interval": [0.1]}', "interval"),
        ("metrics.csv", b"epoch,train_loss\n1,2\n", "line 2"),
        ("metrics.csv", b"epoch,train_loss,train_accuracy,validation_loss,validation_accuracy\n1,2,x,4,5\n", "line 2"),
        ("metrics.csv", b"epoch,train_loss,train_accuracy,validation_loss,validation_accuracy\n1,2\n", "line 2"),
        (
            "metrics.csv",
            b"epoch,train_loss,train_accuracy,validation_loss,validation_accuracy\nnan,2,3,4,5\n",
            "line 2",
        ),
        ("timing.csv", b"epoch,seconds\n1,2\n", "line 2"),
    ],
)
def test_damaged_files_are_named_and_the_old_report_stays(run: Path, name: str, content: bytes, complaint: str) -> None:
    write_report(run)
    before = (run / "report.html").read_bytes()
    (run / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(name)) as caught:
        write_report(run)
    assert complaint in str(caught.value)
    assert (run / "report.html").read_bytes() == before


def test_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        write_report(tmp_path)
    with pytest.raises(CheckpointError):
        write_report(tmp_path / "nowhere")


def test_an_interrupted_run_says_how_to_go_on(run: Path) -> None:
    (run / "result.json").unlink()
    (run / "figures" / "guesses.svg").unlink()
    _, page = report(run)
    words = " ".join(page.words)
    assert f"stopped after {EPOCHS} of {EPOCHS} epochs" in words
    assert "minidl train --resume" in words
    assert "known when the test set has been used" in words


def test_a_run_with_nothing_but_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    _, page = report(tmp_path)
    words = " ".join(page.words)
    for sentence in ("stopped after 0 epochs", "no diagrams", "after the first epoch", "No epoch was finished"):
        assert sentence in words


def test_without_graphviz_it_says_where_the_diagrams_are(run: Path) -> None:
    for path in sorted((run / "figures").glob("passes-*.svg")):
        path.rename(path.with_suffix(".dot"))
    _, page = report(run)
    assert "figures/passes-*.dot" in " ".join(page.words)
    assert page.templates == 0


# In a browser ---------------------------------------------------------------------------------------------------------


def browse(page: Path, fragment: str, profile: Path, *more: str) -> str:
    """Open a page in a headless Chromium without a network and return its document after two seconds of its time."""
    assert CHROMIUM
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --disable-dev-shm-usage --virtual-time-budget=6000 --dump-dom"
    )
    command = [CHROMIUM, *flags.split(), f"--user-data-dir={profile}", *more, page.as_uri() + fragment]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=100, check=True).stdout


def shown(document: str) -> tuple[str, str]:
    """The epoch that the player says it shows, and the caption in its picture."""
    player = re.search(r'<figure class="player" id="player"[^>]*data-epoch="(\d+)"', document)
    stage = re.search(r'id="stage".*?(caption of epoch \d+)</text>', document, flags=re.DOTALL)
    assert player
    assert stage
    return player[1], stage[1]


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("fragment", "epoch"), [("", 3), ("#epoch=1", 1), ("#epoch=99", 3), ("#epoch=<b>", 3)])
def test_a_browser_shows_the_epoch_that_the_address_names(run: Path, tmp_path: Path, fragment: str, epoch: int) -> None:
    document = browse(write_report(run), fragment, tmp_path / "profile")
    assert '<html lang="en" class="js">' in document  # so the policy let the script run
    assert shown(document) == (str(epoch), f"caption of epoch {epoch}")


DRIVER = """<script>
const key = (name) => document.body.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true, cancelable: true}));
const log = [];
const note = (what) => log.push(`${what}:${document.getElementById("player").dataset.epoch}`);
document.getElementById("player").scrollIntoView();
key("Home"); note("Home");
key("ArrowLeft"); note("ArrowLeft");
key("ArrowRight"); note("ArrowRight");
key("End"); note("End");
key("ArrowRight"); note("ArrowRight");
const slider = document.getElementById("slider");
slider.value = 1; slider.dispatchEvent(new Event("input")); note("slider");
document.querySelector("[data-key=ArrowRight]").click(); note("button");
location.hash = "#epoch=0";
setTimeout(() => {
  note("address");
  key(" ");
  setTimeout(() => { note("playing"); setTimeout(() => { note("played"); document.title = log.join(" "); }, 3000); }, 800);
}, 200);
</script></body>"""


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_a_browser_scrubs_by_key_slider_button_and_play(run: Path, tmp_path: Path) -> None:
    content = write_report(run).read_text(encoding="utf-8")
    content = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", content)  # to let the driver in
    driven = tmp_path / "driven.html"
    driven.write_text(content.replace("</body>", DRIVER), encoding="utf-8")
    document = browse(driven, "", tmp_path / "profile", "--window-size=1280,900")
    title = re.search(r"<title>(.*?)</title>", document)
    assert title
    assert title[1] == (
        "Home:0 ArrowLeft:0 ArrowRight:1 End:3 ArrowRight:3 slider:1 button:2 address:0 playing:1 played:3"
    )


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_without_javascript_the_last_epoch_is_there(run: Path, tmp_path: Path) -> None:
    content = write_report(run).read_text(encoding="utf-8")
    still = tmp_path / "still.html"
    still.write_text(re.sub(r"<script>.*?</script>", "", content, flags=re.DOTALL), encoding="utf-8")
    document = browse(still, "", tmp_path / "profile")
    assert re.search(r'id="stage".*?caption of epoch 3</text>', document, flags=re.DOTALL)
