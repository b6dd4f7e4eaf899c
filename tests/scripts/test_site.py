"""The documentation as a site: it builds without warnings, is complete, and loads nothing from other hosts."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.pages import PAGES, ROOT

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed")


class Page(HTMLParser):
    """The links, loaded files and anchors of a built page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if "href" in given:
            (self.links if tag == "a" else self.loaded).append(given["href"])
        if "src" in given:
            self.loaded.append(given["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"NO_MKDOCS_2_WARNING": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout + done.stderr
    return folder


def test_every_page_is_built_and_nothing_else(site: Path) -> None:
    assert {path.stem for path in site.glob("*.html")} == {path.stem for path in PAGES[1:]} | {"404"}
    assert not list(site.rglob("*.py"))


def test_no_link_or_anchor_of_the_site_is_dead(site: Path) -> None:
    pages = {path: Page(path) for path in site.glob("*.html") if path.stem != "404"}

    def dead() -> Iterator[str]:
        for path, page in pages.items():
            for link in page.links:
                parts = urlsplit(link)
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                target = target / "index.html" if target.is_dir() else target
                if parts.scheme or target not in pages or parts.fragment not in pages[target].anchors | {""}:
                    yield f"{path.name}: {link}"

    assert sum(len(page.links) for page in pages.values()) > 100
    assert list(dead()) == []


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    for path in site.glob("*.html"):
        loaded = Page(path).loaded
        assert len(loaded) > 3
        assert [address for address in loaded if urlsplit(address).netloc] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert styles
    assert not [text for text in styles if "url(http" in text or "url(//" in text or "@import" in text]


def test_the_search_index_has_every_page(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert [path.stem for path in PAGES[1:] if f'"location":"{path.stem}.html' not in index] == []
