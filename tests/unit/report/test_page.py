from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa

from soundsift.report.page import picture, stage, write_page


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
    assert 'aria-label="sound of &quot;a&quot;"' in page


def test_only_a_page_with_rows_has_a_search_box(tmp_path: Path) -> None:
    found = []
    for part in ("<p>words</p>", pa.table({"a": [1]})):
        write_page("Page", [("Part", part)], tmp_path / "page.html")
        found.append((tmp_path / "page.html").read_text(encoding="utf-8").count("<input"))
    assert found == [0, 1]


SVG = '<svg role="img">\n <title>Rows &amp; "clips"</title>\n <desc>3 ok</desc>\n</svg>'


def test_a_picture_says_what_its_figure_says() -> None:
    assert picture(SVG).startswith('<img alt="Rows &amp; &quot;clips&quot;. 3 ok" src="data:image/svg+xml;base64,')


def test_a_stage_has_a_picture_a_slider_with_name_and_range_and_a_player() -> None:
    made = stage("<a>", SVG, (0.1, 0.9), b"sound", 10.04)
    for part in ('role="slider"', 'tabindex="0"', 'aria-label="position in &lt;a&gt;"', 'aria-valuemax="10.0"'):
        assert part in made
    assert 'data-seconds="10.04" data-left="0.1" data-right="0.9"' in made
    assert made.count("<audio") == made.count("<img") == 1
