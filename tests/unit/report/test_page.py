from base64 import b64encode
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from markupsafe import Markup

from soundsift.report import page as page_module
from soundsift.report.page import audio_figure, image, write_page


class Cells(HTMLParser):
    """The text of every cell of a page, and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.links: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self._inside = True
            self.cells.append("")
        self.links += [value for name, value in attributes if tag == "a" and name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data


def test_a_page_holds_every_cell_of_its_tables_and_nothing_of_them_is_markup(tmp_path: Path) -> None:
    table = pa.table(
        {"class": ["<b>Rock & roll", None], "clips": [12345, 0], "accuracy": [0.86, None], "used": [True, False]}
    )
    links = pa.table({"video": ["https://youtu.be/-a?t=1"]})
    write_page("Classes", [("Every class", table), ("Where to hear them", links)], tmp_path / "page.html")
    found = Cells((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert found.cells == [
        "class", "clips", "accuracy", "used", "<b>Rock & roll", "12,345", "0.86", "yes", "", "0", "", "no",
        "video", "https://youtu.be/-a?t=1",
    ]  # fmt: skip
    assert found.links == ["https://youtu.be/-a?t=1"]


def test_a_sound_file_becomes_a_player_of_its_kind(tmp_path: Path) -> None:
    sounds = [b"fLaC and so on", b"RIFF and so on", b"\xff\xfb and so on", None]
    table = pa.table({"clip": ['"a"', "b", "c", "d"], "sound": sounds})
    write_page("Sounds", [("Sounds", table)], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    kinds = ("flac", "wav", "mpeg")
    assert [page.count(f'src="data:audio/{kind};base64,') for kind in kinds] == [1, 1, 1]
    assert "data:audio/flac;base64,ZkxhQyBhbmQgc28gb24=" in page
    assert page.count('aria-label="sound of ') == 3
    assert 'aria-label="sound of &#34;a&#34;"' in page


def test_only_a_page_with_rows_has_a_search_box(tmp_path: Path) -> None:
    found = []
    for body in (Markup("<p>words</p>"), pa.table({"a": [1]})):
        write_page("Page", [("Section", body)], tmp_path / "page.html")
        found.append((tmp_path / "page.html").read_text(encoding="utf-8").count("<input"))
    assert found == [0, 1]


def test_text_is_escaped_and_markup_is_not(tmp_path: Path) -> None:
    write_page("<title>", [("<heading>", "<text>"), ("Section", Markup("<p>words</p>"))], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for part in ("<h1>&lt;title&gt;</h1>", "<h2>&lt;heading&gt;</h2>\n&lt;text&gt;\n", "<p>words</p>"):
        assert part in page


@pytest.mark.parametrize("name", ["page.css", "page.js"])
def test_a_page_contains_style_and_script_as_they_stand_in_their_files(name: str, tmp_path: Path) -> None:
    write_page("Page", [], tmp_path / "page.html")
    written = (Path(page_module.__file__).parent / "templates" / name).read_text(encoding="utf-8")
    assert written in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "</" not in written.replace("</p>", "")


SVG = '<svg role="img">\n <title>Rows &amp; "clips"</title>\n <desc>3 ok</desc>\n</svg>'


class Attributes(HTMLParser):
    """The attributes of every element of some markup: {element: [{name: value}]}."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.of: dict[str, list[dict[str, str | None]]] = defaultdict(list)
        self.feed(markup)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.of[tag].append(dict(attributes))


def test_the_alternative_text_of_an_image_is_the_title_and_description_of_its_figure() -> None:
    (made,) = Attributes(image(SVG)).of["img"]
    assert made["alt"] == 'Rows & "clips". 3 ok'
    assert made["src"] == f"data:image/svg+xml;base64,{b64encode(SVG.encode()).decode()}"


def test_an_audio_figure_has_an_image_a_slider_with_name_and_range_and_a_player() -> None:
    found = Attributes(audio_figure('<a> & "b"', SVG, (0.1, 0.9), b"sound", 10.04)).of
    plot, slider = found["div"]
    assert (plot["data-seconds"], plot["data-left"], plot["data-right"]) == ("10.04", "0.1", "0.9")
    assert (slider["role"], slider["tabindex"], slider["aria-valuemax"]) == ("slider", "0", "10.0")
    assert slider["aria-label"] == 'position in <a> & "b"'
    assert [player["aria-label"] for player in found["audio"]] == ['sound of <a> & "b"']
    assert len(found["img"]) == 1


def test_an_audio_figure_may_refer_to_files_by_their_addresses() -> None:
    found = Attributes(audio_figure("a", SVG, (0.1, 0.9), "a%20b.mp3", 3.0, "a.svg?x=1&y=2")).of
    assert [found["audio"][0][name] for name in ("src", "preload")] == ["a%20b.mp3", "none"]
    assert found["img"][0]["src"] == "a.svg?x=1&y=2"


def test_a_figure_with_an_address_is_read_late_and_has_its_place_before() -> None:
    svg = SVG.replace("<svg", '<svg viewBox="0 0 720 316.8"', 1)
    (late,) = Attributes(image(svg, "a.svg")).of["img"]
    assert (late["loading"], late["width"], late["height"]) == ("lazy", "720", "317")
    (inside,) = Attributes(image(svg)).of["img"]
    assert "loading" not in inside
