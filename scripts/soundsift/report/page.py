"""Pages of the report. Each is one HTML file that loads nothing else and works with a screen reader and a keyboard.

Markup, style and script are in ``templates/``.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pyarrow as pa
from markupsafe import Markup

from soundsift.files import write_text
from soundsift.templates import render

# A cell with a longer word is wrapped inside the word.
LONGEST_WORD = 40


def write_page(title: str, sections: Sequence[tuple[str, pa.Table | Markup | str]], path: Path) -> None:
    """Write sections under their headings as one page, with a search box if there is a table.

    Parameters
    ----------
    title
        Title and first heading, as plain text.
    sections
        (heading, body). A body is a table, markup, or plain text, which is escaped. In a table, an address that begins
        with https:// becomes a link, and bytes become a player of that sound file, named by the first cell of the row.
        Numbers are right-aligned and nulls are empty.
    """
    has_rows = any(isinstance(body, pa.Table) for _, body in sections)
    shown = [(heading, _table(body) if isinstance(body, pa.Table) else body) for heading, body in sections]
    write_text(render(__file__, "page.html", title=title, has_rows=has_rows, sections=shown), path)


def image(svg: str, address: str = "") -> Markup:
    """Show an SVG figure as an image whose alternative text is the figure's title and description.

    Parameters
    ----------
    address
        Address of the figure as seen from the page, which is read once it is near the window. Without one, the page
        contains the figure.
    """
    texts = [match[1] for tag in ("title", "desc") if (match := re.search(f"<{tag}>(.*?)</{tag}>", svg, re.DOTALL))]
    source = address or _data_address("image/svg+xml", svg.encode())
    # the place that it will take: without it, the page would jump while figures are read
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg) if address else None
    size = [round(float(length)) for length in found.groups()] if found else None
    return Markup(render(__file__, "image.html", description=unescape(". ".join(texts)), source=source, size=size))


def audio_figure(
    name: str, svg: str, span: tuple[float, float], sound: bytes | str, seconds: float, address: str = ""
) -> Markup:
    """Show a figure over time with a player: a line follows the sound, and a click or the arrow keys move both.

    Parameters
    ----------
    name
        Name of the sound for screen readers.
    span
        Where the time axis begins and ends, as shares of the figure's width.
    sound
        The sound file itself, or its address as seen from the page.
    seconds
        Length of the sound.
    address
        Address of the figure as seen from the page. Without one, the page contains the figure.
    """
    left, right = span
    player = _player(sound, name, "none" if isinstance(sound, str) else "auto")
    return Markup(
        render(
            __file__, "audio_figure.html",
            sound_name=name, image=image(svg, address), player=player, seconds=seconds, left=left, right=right,
        )
    )  # fmt: skip


def _player(sound: bytes | str, name: str, preload: str = "none") -> Markup:
    if isinstance(sound, bytes):
        kind = {b"fLaC": "flac", b"RIFF": "wav"}.get(sound[:4], "mpeg")
        sound = _data_address(f"audio/{kind}", sound)
    return Markup(render(__file__, "player.html", sound_name=name, preload=preload, source=sound))


def _data_address(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def _table(table: pa.Table) -> Markup:
    columns = [column.to_pylist() for column in table.columns]
    rows = [[_cell(value, row[0]) for value in row] for row in zip(*columns, strict=True)]
    return Markup(render(__file__, "table.html", header=table.column_names, rows=rows))


def _cell(value: object, first_of_row: object) -> tuple[str, str]:
    """Kind of a cell (empty, ``number``, ``link`` or ``long``) and its text."""
    if isinstance(value, bool):
        return "", "yes" if value else "no"
    if isinstance(value, int):
        return "number", f"{value:,}"
    if isinstance(value, float):
        return "number", f"{value:g}"
    if isinstance(value, bytes):
        return "", _player(value, str(first_of_row))
    text = "" if value is None else str(value)
    if text.startswith("https://"):
        return "link", text
    return "long" if max(map(len, text.split()), default=0) > LONGEST_WORD else "", text
