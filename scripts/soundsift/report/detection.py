"""Recordings on the page over all."""

import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from soundsift.detection.formats import clock
from soundsift.detection.recordings import decoded
from soundsift.report.figures.timeline import SPAN
from soundsift.report.page import audio_figure


def shown(record: Mapping[str, Any], figure: Path, page: Path) -> Markup:
    """A recording on the page over all: in words, its timeline with a cursor, and a player of the file itself."""
    if record["duration_seconds"] is None:
        return Markup(f"<p>{escape(record['outcome'])}: {escape(record['reason'])}.</p>")
    heard = ", ".join(f"{name} {clock(seconds)}" for name, seconds in record["heard_seconds"].items())
    lacking = f" {escape(record['reason'])}." if record["reason"] else ""
    # relative, so that the page still plays when the whole project is moved
    paths = (decoded(record["path"]), figure)
    sound, drawn = (quote(os.fsencode(os.path.relpath(path, page.parent.resolve()))) for path in paths)
    name, drawing = Path(record["recording"]).name, figure.read_text(encoding="utf-8")
    shown_with = audio_figure(name, drawing, SPAN, sound, record["duration_seconds"], drawn)
    return Markup(f"<p>{escape(heard)} of {clock(record['duration_seconds'])}.{lacking}</p>\n{shown_with}")
