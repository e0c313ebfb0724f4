"""Measure, break and clean the words on the line map without knowing which font will draw them."""

import html
import re
from unicodedata import combining, east_asian_width

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW = frozenset("iljtfrI.,:;'|!()[]-·/ ")
_BROAD = frozenset("mwMWOQGD@%&<>+=~^#…→�")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Say how many pixels *text* takes at most; a little more than in most fonts, so that nothing touches."""
    return size * sum(map(_advance, text)) * (1.1 if bold else 1)


def _advance(character: str) -> float:
    if combining(character):
        return 0.0
    if character in _NARROW:
        return 0.4
    if not character.isascii() and east_asian_width(character) in "WF":
        return 1.1
    if character in _BROAD:
        return 0.98
    return 0.72 if character.isupper() or not character.isascii() else 0.62


def wrap(text: str, size: float, room: float) -> list[str]:
    """Break bold *text* into rows of at most *room* pixels, after a space or '-' where there is one."""
    rows = [""]
    for piece in _pieces(text):
        rest = piece
        if rows[-1] and width((rows[-1] + rest).rstrip(), size, bold=True) > room:
            rows.append("")
        while width(rest.rstrip(), size, bold=True) > room:
            fit = max(1, sum(width(rest[:end], size, bold=True) <= room for end in range(1, len(rest))))
            rows[-1] = rest[:fit]
            rest = rest[fit:]
            rows.append("")
        rows[-1] += rest
    return [row.strip() for row in rows if row.strip()] or [""]


def _pieces(text: str) -> list[str]:
    pieces = [""]
    for character in text:
        pieces[-1] += character
        if character in " -":
            pieces.append("")
    return pieces


def escape(text: str) -> str:
    """Make *text* safe inside XML; characters that XML has no place for become '�'."""
    return html.escape(_NO_XML.sub("�", text))
