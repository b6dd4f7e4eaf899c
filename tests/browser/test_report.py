"""The report and its pages in a browser, used offline, by eye, ear and keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from soundsift.detection.formats import Answer, record
from soundsift.detection.overview import overview
from soundsift.detection.result import Detections
from soundsift.detection.segments import Segment
from soundsift.report.detection import recording_section
from soundsift.report.figures.spans import TIMELINE_SPAN
from soundsift.report.figures.timeline import no_timeline
from soundsift.report.page import write_page
from tests.workflow.project import CLIP_SECONDS, Project

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make .venv/site")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
PAGES = (
    "gallery.html", "provenance.html", "coverage.html", "detectors.html", "metadata/metadata.html",
    "detectors/music/errors.html", "detectors/music/labels.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def results(finished: Project) -> Path:
    return finished.folder / "results"


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


class Visit:
    """A page, with the addresses it requested and the errors in its console."""

    def __init__(self, page: "playwright.Page") -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: Path) -> "playwright.Page":
        self.page.goto(path.as_uri())
        return self.page

    def external(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))]


@pytest.fixture
def visit(browser: "playwright.Browser") -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield Visit(page)
    page.close()


def images_without_text(within: "playwright.Page | playwright.Locator") -> int:
    return within.locator("img:not([alt]), img[alt=''], audio:not([aria-label])").count()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_nothing_else_and_every_image_has_a_text(name: str, results: Path, visit: Visit) -> None:
    page = visit.open(results / name)
    assert page.locator("h1").count() == 1
    assert page.title() == page.locator("h1").inner_text()
    assert images_without_text(page) == 0
    assert visit.requests
    assert (visit.external(), visit.errors) == ([], [])


def test_the_report_opens_with_text_and_figures_and_requests_nothing_from_the_network(
    results: Path, visit: Visit
) -> None:
    page = visit.open(results / "report.html")
    opening = page.locator(".prose").first
    opening.wait_for()
    assert "wanted clips are there" in opening.inner_text()
    assert "music: finds" in opening.inner_text()
    assert opening.locator("img").count() == 2
    # Snakemake's own logo, outside of the opening, has no text
    assert images_without_text(opening) == 0
    assert visit.external() == []


def test_a_figure_higher_than_the_window_begins_within_it(results: Path, visit: Visit) -> None:
    page = visit.open(results / "report.html")
    page.set_viewport_size({"width": 1280, "height": 120})
    page.get_by_text("2 Coverage").click()
    page.locator("tr", has_text="figure of the clips by outcome").locator("a").first.click()
    shown = page.locator(".grow img").bounding_box()
    assert shown["height"] > 120 > shown["y"] >= 0


def test_the_sections_follow_the_order_of_the_workflow(results: Path, visit: Visit) -> None:
    page = visit.open(results / "report.html")
    page.get_by_text("7 Provenance").wait_for()
    shown = page.locator("li").all_inner_texts()
    sections = [text for text in shown if text[:1].isdigit()]
    names = ("Metadata", "Coverage", "Clips", "Features", "Detectors", "Errors", "Provenance")
    assert sections == [f"{i} {name}" for i, name in enumerate(names, start=1)]


def test_a_page_works_inside_the_report(results: Path, visit: Visit) -> None:
    page = visit.open(results / "report.html")
    page.get_by_text("4 Features").click()
    row = page.locator("tr", has_text="two clips and their features")
    row.locator("a").first.click()
    frame = page.frame_locator("iframe")
    frame.locator(".audio-figure").first.wait_for()
    frame.locator("audio").first.evaluate("sound => sound.play()")
    frame.locator(".cursor:not([aria-valuenow='0'], [aria-valuenow='0.0'])").wait_for()
    assert visit.external() == []


def test_the_cursor_follows_the_player(results: Path, visit: Visit) -> None:
    page = visit.open(results / "gallery.html")
    sound, cursor = page.locator("audio").first, page.locator(".cursor").first
    image = page.locator(".plot img").first.bounding_box()
    # The time axis begins at 0.11 of the width of the image and takes 0.75 of it.
    assert cursor.bounding_box()["x"] - image["x"] == pytest.approx(0.11 * image["width"], abs=2)
    sound.evaluate("sound => sound.play()")
    page.wait_for_function("document.querySelector('audio').currentTime > 1")
    sound.evaluate("sound => sound.pause()")
    at = sound.evaluate("sound => sound.currentTime")
    page.wait_for_function(
        "at => document.querySelector('.cursor').getAttribute('aria-valuenow') == at.toFixed(1)", arg=at
    )
    moved = cursor.bounding_box()["x"] - image["x"]
    assert moved == pytest.approx((0.11 + 0.75 * at / CLIP_SECONDS) * image["width"], abs=2)
    assert (visit.external(), visit.errors) == ([], [])


def test_a_click_into_a_figure_moves_the_player_there(results: Path, visit: Visit) -> None:
    page = visit.open(results / "gallery.html")
    plot, sound = page.locator(".plot").first, page.locator("audio").first
    box = plot.bounding_box()
    plot.click(position={"x": (0.11 + 0.75 * 0.4) * box["width"], "y": 100})
    assert sound.evaluate("sound => sound.currentTime") == pytest.approx(0.4 * CLIP_SECONDS, abs=0.1)
    assert page.get_by_role("slider").first.get_attribute("aria-valuenow") == f"{0.4 * CLIP_SECONDS:.1f}"


def test_the_keyboard_moves_the_cursor_and_plays_the_sound(results: Path, visit: Visit) -> None:
    page = visit.open(results / "gallery.html")
    slider = page.get_by_role("slider").first
    page.keyboard.press("Tab")
    assert slider.evaluate("slider => slider === document.activeElement")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert slider.get_attribute("aria-valuenow") == "1.0"
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('audio').currentTime > 1.2")
    page.keyboard.press("Space")
    assert page.locator("audio").first.evaluate("sound => sound.paused")


def test_one_player_at_a_time(results: Path, visit: Visit) -> None:
    page = visit.open(results / "detectors/music/labels.html")
    for number in (0, 1):
        page.locator("audio").nth(number).evaluate("sound => sound.play()")
    page.wait_for_function("document.querySelectorAll('audio')[1].currentTime > 0.1")
    assert page.locator("audio").evaluate_all("all => all.filter(sound => !sound.paused).length") == 1


def test_rows_are_searched_by_keyboard(results: Path, visit: Visit) -> None:
    page = visit.open(results / "metadata/metadata.html")
    page.keyboard.press("Tab")
    page.keyboard.type("EVAL")
    visible = page.locator("tbody tr:visible")
    n_rows = page.locator("tbody tr").count()
    assert 0 < visible.count() < n_rows
    assert all("eval" in text.lower() for text in visible.all_inner_texts())
    assert page.get_by_role("status").inner_text() == f"{visible.count()} of {n_rows} rows"
    for _ in range(4):
        page.keyboard.press("Backspace")
    assert visible.count() == n_rows


def test_a_thousand_recordings_are_read_late_searched_and_sorted(visit: Visit, tmp_path: Path) -> None:
    n = 1000
    (tmp_path / "a.wav").write_bytes(b"")
    figure = tmp_path / "a.svg"
    figure.write_text(no_timeline("a"))
    records = [record(answer(f"{tmp_path}/{number:04d}.wav", number)) for number in range(n)]
    for number in range(n):
        shutil.copy(figure, tmp_path / f"{number:04d}.svg")
    page_file = tmp_path / "detections.html"
    sections = [
        (Path(one["recording"]).name, recording_section(one, tmp_path / f"{number:04d}.svg", page_file))
        for number, one in enumerate(records)
    ]
    write_page("Classes", [("All recordings", overview(records)), *sections], page_file)
    page = visit.open(page_file)
    assert page.locator("section").count() == 1 + n
    assert len([url for url in visit.requests if url.endswith((".svg", ".wav"))]) < n / 10

    page.locator("section:last-of-type .plot").scroll_into_view_if_needed()
    last = page.locator("section:last-of-type img")
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=last.element_handle())
    assert len([url for url in visit.requests if url.endswith((".svg", ".wav"))]) < n / 5

    first_cells = page.locator("tbody tr td:first-child")
    heading = page.get_by_role("button", name="music_seconds")
    for order, name in (("descending", "0999.wav"), ("ascending", "0000.wav")):
        heading.click()
        assert page.locator("th[aria-sort]").evaluate_all("all => all.map(th => th.ariaSort)") == [order]
        assert first_cells.first.inner_text().endswith(name)
    page.get_by_role("button", name="recording").click()
    assert first_cells.first.inner_text().endswith("0000.wav")

    page.locator("input").fill("0123.wav")
    assert page.locator("tbody tr:visible").count() == 1
    assert page.locator("section:visible h2").all_inner_texts() == ["All recordings", "0123.wav"]


def answer(recording: str, seconds: int) -> Answer:
    """A recording with this much music."""
    result = Detections(2000.0, {}, (Segment(0.0, float(seconds), "music", 0.9),))
    return Answer(Path(recording), result, ["music"], 22050)


def test_recordings_of_the_user_are_shown_with_players(finished: Project, visit: Visit, tmp_path: Path) -> None:
    folder = tmp_path / "my recordings"
    folder.mkdir()
    shutil.copy(next((finished.folder / "results" / "clips").glob("*/*.mp3")), folder / "Küche & Flur #1.mp3")
    (folder / "broken.wav").touch()
    project = finished.copy(tmp_path / "clone")
    run = project.run("detect", "--config", f"recordings={folder}")
    assert run.status == 0, run.text
    page = visit.open(project.folder / "results" / "detections.html")
    assert images_without_text(page) == 0
    image = page.locator(".plot img")
    assert image.evaluate("image => image.complete && image.naturalWidth > 0")
    page.locator("audio").evaluate("sound => sound.play()")
    page.locator(".cursor:not([aria-valuenow='0'], [aria-valuenow='0.0'])").wait_for()
    page.locator("audio").evaluate("sound => { sound.pause(); sound.currentTime = 3; }")
    page.wait_for_function("document.querySelector('.cursor').getAttribute('aria-valuenow') == '3.0'")
    box, line = image.bounding_box(), page.locator(".cursor").bounding_box()
    left, right = TIMELINE_SPAN
    assert line["x"] - box["x"] == pytest.approx((left + (right - left) * 3 / CLIP_SECONDS) * box["width"], abs=2)
    assert "corrupt: broken.wav cannot be decoded" in page.locator("main").inner_text()
    assert (visit.external(), visit.errors) == ([], [])
