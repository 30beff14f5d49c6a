"""The Graphviz engines: both render, both refuse what is malformed, and nothing is left behind."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from minidl.errors import MissingEngineError, RenderError, UsageError
from viz.drawing import engine
from viz.drawing.figure import Figure

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


@pytest.fixture
def bundled(monkeypatch):
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "bundled")
    engine.close()
    yield
    engine.close()


@pytest.mark.parametrize(
    ("format", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG"), ("json", b"{")]
)
def test_every_format_is_rendered(kind, format, start):
    assert engine.render("digraph { a -> b }", format).startswith(start)


def test_the_forced_engine_is_the_one_that_renders(kind):
    info = engine.engine_info()
    assert info.kind == kind
    assert info.version


@pytest.mark.parametrize(
    "dot",
    [
        "digraph { a -> }",
        "digraph { a [label=<<FONT></FONT>>] }",
        "digraph { a [label=<<I>x</B>>] }",
        "digraph { a:port -> b; a [image=\"no-such-file.png\"] }",
        "digraph { a [label=<x &nosuch; <TABLE>>] }",
        "not a graph",
        "",
    ],
)  # fmt: skip
def test_a_malformed_graph_is_an_error_not_a_wrong_picture(kind, dot):
    with pytest.raises(RenderError):
        engine.render(dot, "svg")
    assert engine.render("digraph { a }", "svg"), "and the next graph is drawn"


def test_cells_too_small_are_reported_but_no_error(kind):
    cell = '<TD WIDTH="2" HEIGHT="2" FIXEDSIZE="TRUE">wide</TD>'
    output, remarks = engine.render_with_warnings(
        f"digraph {{ a [shape=plain, label=<<TABLE><TR>{cell}</TR></TABLE>>] }}", "svg"
    )
    assert output
    assert any("too small" in remark for remark in remarks)


def test_a_graph_that_takes_too_long_is_stopped(kind):
    edges = ";".join(f"n{i}->n{j}" for i in range(120) for j in range(120))
    with pytest.raises(RenderError, match="more than"):
        engine.render(f"digraph {{ {edges} }}", "svg", timeout=0.3)
    assert engine.render("digraph { a }", "svg")


def test_dpi_scales_a_png(kind):
    import io

    from PIL import Image

    sizes = [Image.open(io.BytesIO(engine.render("digraph { a }", "png", dpi=dpi))).width for dpi in (72, 144)]
    assert sizes[1] == pytest.approx(2 * sizes[0], abs=2)


def chain(length):
    nodes = "; ".join(f"a{i} [label={i}, width=1, fixedsize=true]; a{i} -> a{i + 1}" for i in range(length))
    return f"digraph {{ rankdir=LR; {nodes} }}"


def test_a_png_of_a_long_figure_has_as_many_dots_as_the_engine_can_draw(kind):
    png = Figure(chain(150)).png()
    width = int.from_bytes(png[16:20], "big")
    assert 25_000 < width <= 32_767


def test_a_png_of_a_figure_that_is_too_long_is_refused_with_advice(kind):
    with pytest.raises(RenderError, match=r"^this figure is too large for a \.png; save it as \.svg or \.pdf$"):
        Figure(chain(400)).png()


def test_the_remarks_of_fontconfig_are_in_no_message():
    said = 'Fontconfig warning: "/etc/fonts.conf", line 6: unknown element "its:rules"\nError: syntax error in line 1\n'
    with pytest.raises(RenderError) as caught:
        engine._judge(said, b"")
    assert "Fontconfig" not in str(caught.value)
    assert "syntax error" in str(caught.value)


def test_names_from_any_language_and_emoji_are_drawn(kind):
    assert "日本🙂" in engine.render('digraph { a [label="日本🙂"] }', "svg").decode("utf-8").replace("&#128578;", "🙂")


def test_unknown_formats_layouts_and_engines_are_refused(monkeypatch):
    with pytest.raises(UsageError, match="svg, pdf, png"):
        engine.render("digraph {}", "xlib")
    with pytest.raises(UsageError, match="neato"):
        engine.render("digraph {}", "svg", layout="circo")
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "tikz")
    with pytest.raises(UsageError, match="bundled"):
        engine.render("digraph {}", "svg")


def test_without_an_engine_the_remedy_is_named(monkeypatch):
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "none")
    with pytest.raises(MissingEngineError, match="pip install"):
        engine.render("digraph { a }", "svg")
    assert engine.engine_info().kind == "none"
    assert "pip install" in engine.engine_info().detail


def test_without_dot_on_the_path_the_other_engine_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "dot")
    with pytest.raises(MissingEngineError, match=r"no `dot` on the path"):
        engine.render("digraph { a }", "svg")


@needs_dot
def test_dot_takes_over_where_pygraphviz_is_missing(monkeypatch):
    def missing(*_):
        raise MissingEngineError("pygraphviz is not installed")

    monkeypatch.delenv("MINIDL_GRAPHVIZ", raising=False)
    monkeypatch.setattr(engine, "_render_bundled", missing)
    assert engine.render("digraph { a }", "svg").startswith(b"<?xml")


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (
            "ImportError: libX11.so.6: cannot open shared object file: No such file or directory",
            "apt-get install libx11-6",
        ),
        ("ModuleNotFoundError: No module named 'pygraphviz'", "not installed"),
    ],
)
def test_a_missing_library_is_named_with_its_remedy(reason, advice):
    assert advice in engine._why_missing(reason)


def test_one_process_serves_many_renders_and_is_renewed(bundled, monkeypatch):
    monkeypatch.setattr(engine, "RENDERS_A_WORKER", 3)
    processes = []
    for _ in range(4):
        engine.render("digraph { a }", "svg")
        processes.append(engine._worker.process.pid)
    assert processes[0] == processes[1] == processes[2] != processes[3]


def test_a_process_that_dies_is_replaced(bundled):
    engine.render("digraph { a }", "svg")
    first = engine._worker.process
    first.kill()
    first.wait()
    assert engine.render("digraph { a }", "svg")
    assert engine._worker.process.pid != first.pid


def test_a_failed_render_ends_its_process(bundled):
    engine.render("digraph { a }", "svg")
    first = engine._worker.process
    with pytest.raises(RenderError):
        engine.render("digraph { a -> }", "svg")
    assert first.poll() is not None


def test_close_ends_the_process_and_its_pipes(bundled):
    engine.render("digraph { a }", "svg")
    process = engine._worker.process
    engine.close()
    assert process.poll() is not None
    assert process.stdin.closed
    assert process.stdout.closed


def test_files_in_the_working_folder_are_not_taken_for_the_engine(tmp_path):
    """And a program that ends leaves no process, no warning and no noise."""
    (tmp_path / "pygraphviz.py").write_text("raise SystemExit('the wrong pygraphviz')", encoding="utf-8")
    (tmp_path / "struct.py").write_text("raise SystemExit('the wrong struct')", encoding="utf-8")
    home = os.path.dirname(os.path.dirname(os.path.abspath(engine.__file__)))
    program = f"""
        import sys
        sys.path.insert(0, {home!r})
        from viz.drawing import engine
        assert engine.render("digraph {{ a }}", "svg")
        print(engine._worker.process.pid)
    """
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-X", "dev", "-c", textwrap.dedent(program)],
        cwd=tmp_path, env={**os.environ, "MINIDL_GRAPHVIZ": "bundled"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    if hasattr(os, "kill") and sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(int(done.stdout), 0)


def test_importing_viz_loads_nothing_heavy():
    heavy = "{'matplotlib', 'pygraphviz', 'fontTools', 'graphviz', 'numba', 'scipy', 'PIL', 'rich'}"
    program = f"import sys, viz; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_fonts_that_are_cleared_away_come_back(kind, tmp_path, monkeypatch):
    from viz.drawing import fonts

    monkeypatch.setattr(fonts, "_cache_folder", lambda: tmp_path / "cache")
    for _ in range(2):
        engine.close()
        assert b"STIXGeneral" in engine.render('digraph { a [fontname="STIXGeneral"] }', "svg")
        shutil.rmtree(tmp_path / "cache")
    engine.close()


def test_a_cache_that_cannot_be_written_is_done_without(kind, tmp_path, monkeypatch):
    from viz.drawing import fonts

    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(fonts, "_cache_folder", lambda: tmp_path / "file" / "cache")
    monkeypatch.setattr(fonts.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    engine.close()
    assert engine.render("digraph { a }", "svg")
    engine.close()


def test_the_figures_font_is_found(kind):
    """A PDF names the fonts in it: STIX, not a substitute."""
    import io

    from pypdf import PdfReader

    pdf = engine.render('digraph { a [fontname="STIXGeneral", label=<<I>x</I> − 1>] }', "pdf")
    fonts = PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]["/Font"].values()
    names = {str(font.get_object()["/BaseFont"]) for font in fonts}
    assert names
    assert all("STIX" in name for name in names)


def test_an_engine_that_crashes_twice_is_said_to(bundled, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(engine._Worker, "ask", lambda *_: None)
        with pytest.raises(RenderError, match=r"^the Graphviz engine crashed on this graph$"):
            engine.render("digraph { a }", "svg")
        assert engine._worker is None
    assert engine.render("digraph { a }", "svg")


def test_an_engine_that_ends_at_once_is_said_to(bundled, monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "_failure", None)
    monkeypatch.setattr(engine, "__file__", str(tmp_path / "engine.py"))  # beside which there is no _worker.py
    with pytest.raises(MissingEngineError, match="it ended at once"):
        engine.render("digraph { a }", "svg")


def test_threads_get_each_their_own_picture(kind):
    from concurrent.futures import ThreadPoolExecutor

    names = [f"node{i}" for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda name: engine.render(f"digraph {{ {name} }}", "svg").decode(), names))
    for name, picture in zip(names, pictures, strict=True):
        assert f">{name}</text>" in picture


def test_a_first_figure_does_not_wait_long(bundled):
    """Engine and font tools are loaded at the same time; the bound is generous, for a machine that others use too."""
    program = """
        import minidl, viz, time
        start = time.perf_counter()
        viz.draw(minidl.scalar(2.0, name="x") * minidl.scalar(3.0, name="y")).svg()
        print(time.perf_counter() - start)
    """
    runs = [
        subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert min(float(run.stdout) for run in runs) < 1.5
