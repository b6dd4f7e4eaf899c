from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa

from soundsift.pages import write_page


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
    write_page("Sounds", [("Sounds", pa.table({"sound": sounds}))], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    kinds = ("flac", "wav", "mpeg")
    assert [page.count(f'src="data:audio/{kind};base64,') for kind in kinds] == [1, 1, 1]
    assert "data:audio/flac;base64,ZkxhQyBhbmQgc28gb24=" in page
