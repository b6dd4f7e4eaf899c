import hashlib
import json
import platform
from pathlib import Path

from soundsift.media.archive import Record
from soundsift.media.archive_writer import open_for_writing
from soundsift.report import provenance
from soundsift.report.ending import shareable


def test_a_list_has_its_lines_and_checksum_and_a_fetched_one_its_address(tmp_path: Path) -> None:
    content = b"# Segments csv\n# YTID, ...\na, 0, 10, x\nb, 0, 10, y\n\n"
    (tmp_path / "train.csv").write_bytes(content)
    (tmp_path / "labels.csv").write_bytes(b"index,mid\n")
    (tmp_path / "labels.csv.fetched.json").write_text(json.dumps({"url": "https://example.org/labels.csv"}))
    rows = provenance.tables_read({name: tmp_path / f"{name}.csv" for name in ("train", "labels")}).to_pylist()
    assert rows[0] == {
        "read as": "train", "file": str(tmp_path / "train.csv"), "lines": 2, "bytes": len(content),
        "SHA-256": hashlib.sha256(content).hexdigest(), "fetched from": "your own file",
    }  # fmt: skip
    assert rows[1]["fetched from"] == "https://example.org/labels.csv"


def test_only_tools_that_are_there_have_a_version() -> None:
    found = provenance.tools(["librosa", "no-such-tool"]).to_pylist()
    assert {"tool": "Python", "version": platform.python_version()} in found
    assert [row["tool"] for row in found] == ["Python", "system", "librosa"]


def test_secrets_do_not_go_into_the_report() -> None:
    download = {
        "url": "https://example.org",
        "proxy": "http://me:secret@proxy",
        "cookies": None,
        "yt_dlp": {"password": "secret"},
    }
    text = shareable({"batch_size": 8, "download": download})
    assert "secret" not in text
    assert "batch_size: 8" in text and "proxy: (set)" in text and "password: (set)" in text
    assert "cookies: null" in text
    assert download["proxy"] == "http://me:secret@proxy"


def test_the_configuration_is_shown_with_its_line_breaks_and_is_no_markup() -> None:
    assert provenance.configuration("a: <b>\n  c: 1\n") == '<pre tabindex="0">a: &lt;b&gt;\n  c: 1\n</pre>\n'


def test_clips_are_counted_by_tool_versions_with_the_first_and_last_day(tmp_path: Path) -> None:
    archive = open_for_writing(tmp_path)
    for number, (day, version) in enumerate([("02", "1"), ("01", "1"), ("03", "2")]):
        record = Record(f"v{number}_0", f"v{number}", "private", when=f"2026-01-{day}T10:00", tools={"yt-dlp": version})
        archive.write(record)
    clip_ids = ["v0_0", "v1_0", "v2_0", "v3_0"]
    assert [tuple(row.values()) for row in provenance.fetched_with(archive, clip_ids).to_pylist()] == [
        ("not in the archive", 1, "", ""), ("yt-dlp 1", 2, "2026-01-01", "2026-01-02"),
        ("yt-dlp 2", 1, "2026-01-03", "2026-01-03"),
    ]  # fmt: skip
    some = provenance.fetched_with(archive, clip_ids, n=2).to_pylist()
    assert [(row["last attempt with"], row["clips"]) for row in some] == [("yt-dlp 1", 1), ("yt-dlp 2", 1)]
