"""How wide a text is in the figures' font, so that cells can be given their size before anything is rendered.

The advance widths are STIXGeneral's own, in thousandths of the type size: of each letter the wider of upright and italic.
"""

from __future__ import annotations

from typing import Final

_ASCII: Final = {
    False: (
        "250 333 420 501 500 755 778 214 333 333 500 685 250 333 250 278 500 500 500 500 500 500 500 500 500 500 333 "
        "333 685 685 685 500 921 722 667 667 722 611 611 722 722 333 444 722 611 889 722 722 611 722 667 556 611 722 "
        "722 944 722 722 612 389 278 389 469 500 333 501 500 444 500 444 333 500 500 278 278 500 278 778 500 500 504 "
        "500 389 389 278 500 500 722 500 500 444 480 275 480 541 "
    ),
    True: (
        "250 389 555 500 500 757 849 278 333 333 500 750 250 333 250 278 500 500 500 500 500 500 500 500 500 500 333 "
        "333 750 750 750 500 939 722 667 722 722 667 667 778 778 389 500 778 667 944 722 778 611 778 722 556 667 722 "
        "722 1000 722 722 667 333 278 333 581 500 333 500 556 444 556 444 333 500 556 278 333 556 278 833 556 500 556 "
        "556 444 389 333 556 500 722 500 500 444 394 220 394 570 "
    ),
}
_OTHERS: Final = {
    "−": 685, "×": 675, "·": 250, "∂": 471, "‖": 523, "²": 300, "³": 300, "∇": 731, "∞": 926, "′": 310, "√": 928,
    "⋅": 286, "…": 1000, "½": 750, "→": 926, "≤": 685, "∗": 523, "\u00a0": 250, "\u2009": 200,
}  # fmt: skip
_GREEK_WIDTH: Final = 690
_UNKNOWN_WIDTH: Final = 1020
_RARE_WIDTH: Final = 1440  # where no font has a letter beyond U+FFFF, its box has six digits in it
_WIDTHS: Final = {
    is_bold: {chr(32 + i): int(width) for i, width in enumerate(row.split())} | _OTHERS
    for is_bold, row in _ASCII.items()
}


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of `text` in points, set at `size` points (an upper bound for rarer letters).

    >>> text_width("−12", 10)
    16.85
    """
    widths = _WIDTHS[bold]
    total = 0
    for letter in text:
        other = _UNKNOWN_WIDTH if letter <= "\uffff" else _RARE_WIDTH
        total += widths.get(letter, _GREEK_WIDTH if "Ͱ" <= letter <= "Ͽ" else other)
    return round(total * size / 1000, 3)
