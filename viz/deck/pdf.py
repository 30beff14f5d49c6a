"""The deck as one PDF: a page a frame, with bookmarks, and pages that are called what the frames are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ..drawing.dot import clean
from .deck import LONGEST_NARRATION
from .pages import largest, pdf_pages

if TYPE_CHECKING:
    from pypdf import PageObject, PdfWriter

    from .deck import Deck


def pdf(deck: Deck) -> bytes:
    """Return the deck as PDF; the bytes are the same every time.

    Raises:
        MissingEngineError: there is no Graphviz.
        RenderError: Graphviz cannot draw a frame.
    """
    from pypdf import PdfWriter
    from pypdf.constants import PageLabelStyle
    from pypdf.generic import BooleanObject, DictionaryObject, NameObject, TextStringObject

    writer = PdfWriter()
    for page in _equal_pages(deck):
        writer.add_page(page)
    writer.compress_identical_objects()  # every page brings its own copy of the fonts
    for part, first, end in deck.parts():
        section = writer.add_outline_item(title=clean(part), page_number=first, bold=True)
        for index in range(first, end):
            label = f"{index + 1}. {deck.frames[index].label}"
            writer.add_outline_item(title=label, page_number=index, parent=section)
        writer.set_page_label(first, end - 1, style=PageLabelStyle.DECIMAL, prefix=f"{clean(part)} ")
    words = {"/Title": clean(deck.title), "/Subject": clean(deck.text, LONGEST_NARRATION), "/Creator": "minidl"}
    writer.add_metadata({name: value for name, value in words.items() if value})
    writer.page_mode = "/UseOutlines"
    writer.page_layout = "/SinglePage"
    writer.root_object[NameObject("/Lang")] = TextStringObject("en")
    shown = {NameObject(name): BooleanObject(True) for name in ("/DisplayDocTitle", "/FitWindow")}
    writer.root_object[NameObject("/ViewerPreferences")] = DictionaryObject(shown)
    return _written(writer)


def single_pages(deck: Deck) -> list[bytes]:
    """Return every frame as a PDF of its own; all are of one size."""
    from pypdf import PdfWriter

    files = []
    for page in _equal_pages(deck):
        writer = PdfWriter()
        writer.add_page(page)
        files.append(_written(writer))
    return files


def _equal_pages(deck: Deck) -> list[PageObject]:
    from pypdf import PdfReader

    pages = [PdfReader(io.BytesIO(content)).pages[0] for content in pdf_pages(deck)]
    room = largest([(float(page.mediabox.width), float(page.mediabox.height)) for page in pages])
    return [_enlarged(page, room, deck.theme.paper) for page in pages]


def _written(writer: PdfWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def _enlarged(page: PageObject, room: tuple[float, float], paper: str) -> PageObject:
    """Give the page the size that all have: more room at both sides, and below, in the colour of the paper."""
    from pypdf.generic import DecodedStreamObject, NameObject, RectangleObject

    width, height = float(page.mediabox.width), float(page.mediabox.height)
    if (width, height) == room:
        return page
    left, bottom = (width - room[0]) / 2, height - room[1]
    red, green, blue = (byte / 255 for byte in bytes.fromhex(paper[1:]))
    sheet = f"q {red:.4f} {green:.4f} {blue:.4f} rg {left} {bottom} {room[0]} {room[1]} re f Q\n"
    drawn = page.get_contents()
    content = DecodedStreamObject()
    content.set_data(sheet.encode() + (drawn.get_data() if drawn is not None else b""))
    page[NameObject("/Contents")] = content.flate_encode()
    page.mediabox = RectangleObject((left, bottom, left + room[0], bottom + room[1]))
    return page
