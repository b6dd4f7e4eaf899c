"""A recording's section on the page of all recordings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from soundsift.detection.paths import decode_path
from soundsift.report.clock import clock
from soundsift.report.figures.spans import TIMELINE_SPAN
from soundsift.report.page import audio_figure
from soundsift.templates import render


def recording_section(record: Mapping[str, Any], figure: Path, page: Path) -> Markup:
    """Show a recording's result in words, its timeline with a cursor, and a player of the recording itself.

    Parameters
    ----------
    record
        As :func:`soundsift.detection.formats.record` makes it. If the recording could not be read, only its outcome
        and the reason are shown.
    figure, page
        Paths of the timeline and of the page. The page names figure and recording by relative addresses, so that it
        still works after the whole project has been moved.
    """
    seconds, timeline = record["duration_seconds"], None
    if seconds is not None:
        sound, drawn = (
            quote(os.fsencode(os.path.relpath(path, page.parent.resolve())))
            for path in (decode_path(record["path"]), figure)
        )
        name, drawing = Path(record["recording"]).name, figure.read_text(encoding="utf-8")
        timeline = audio_figure(name, drawing, TIMELINE_SPAN, sound, seconds, drawn)
    present = ", ".join(f"{name} {clock(value)}" for name, value in record["heard_seconds"].items())
    duration = "" if seconds is None else clock(seconds)
    text = render(__file__, "recording.html", record=record, present=present, duration=duration, timeline=timeline)
    return Markup(text)
