"""Finding the fonts: figures are set in STIX, which matplotlib ships, so that they look the same on every machine."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import lru_cache
from html import escape
from pathlib import Path

from minidl.errors import RenderError
from minidl.files import write_atomic

MATH_FONT = "STIXGeneral"
FACES = {
    ("normal", "normal"): "STIXGeneral.ttf",
    ("italic", "normal"): "STIXGeneralItalic.ttf",
    ("normal", "bold"): "STIXGeneralBol.ttf",
    ("italic", "bold"): "STIXGeneralBolIta.ttf",
}
"""The file of each (style, weight) of the mathematics font."""


@lru_cache(maxsize=1)
def font_folder() -> Path:
    """Return matplotlib's folder of fonts, without importing matplotlib.

    Raises:
        RenderError: matplotlib is not installed.
    """
    found = importlib.util.find_spec("matplotlib")
    for place in (found.submodule_search_locations or ()) if found else ():
        folder = Path(place) / "mpl-data" / "fonts" / "ttf"
        if (folder / FACES["normal", "normal"]).is_file():
            return folder.resolve()
    raise RenderError("the STIX fonts that come with matplotlib are missing; `pip install matplotlib` adds them")


def fontconfig_file() -> Path:
    """Return a fontconfig configuration that adds matplotlib's STIX and DejaVu to the system's fonts, writing it if need be.

    Only those two families of matplotlib's are accepted, and DejaVu Sans stands behind every family for the letters that
    it lacks. Without this, a machine that has no fonts draws boxes for letters, and says nothing.
    """
    folder = font_folder()
    for base in (_cache_folder(), Path(tempfile.gettempdir()) / f"minidl-fonts-{_user()}"):
        text = _configuration(folder, base / "cache")
        path = base / f"fonts-{hashlib.sha256(text.encode()).hexdigest()[:12]}.conf"
        try:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                write_atomic(path, text)
        except OSError:
            continue
        return path
    raise RenderError(
        f"neither the cache folder {_cache_folder()} nor {tempfile.gettempdir()} can be written; set XDG_CACHE_HOME or "
        "TMPDIR to a folder that can"
    )


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("minidl", appauthor=False) / "fontconfig"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _system_folders() -> list[str]:
    if sys.platform == "win32":
        return ["WINDOWSFONTDIR"]
    if sys.platform == "darwin":
        return ["/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"]
    return ["/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"]


def _configuration(folder: Path, cache: Path) -> str:
    def glob(pattern: str) -> str:
        return f"<glob>{escape(str(folder / pattern))}</glob>"

    folders = "\n".join(f"  <dir>{escape(place)}</dir>" for place in [str(folder), *_system_folders()])
    return f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
{folders}
  <cachedir>{escape(str(cache))}</cachedir>
  <selectfont>
    <acceptfont>{glob("DejaVuS*")}{glob("STIXGeneral*")}</acceptfont>
    <rejectfont>{glob("*")}</rejectfont>
  </selectfont>
  <match target="pattern">
    <edit name="family" mode="append_last" binding="weak"><string>DejaVu Sans</string></edit>
  </match>
</fontconfig>
"""
