import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import psutil
import pytest

from soundsift import cli
from soundsift.code_digest import SCRIPTS
from soundsift.detection import folder
from soundsift.detection.choice import chosen
from soundsift.detection.terminal import HEADER
from soundsift.media import decode, encode
from soundsift.media.durations import duration_of
from soundsift.media.stream import length_of
from tests.unit.detection.models import RATE_HZ, write_tone_model

ROOT = SCRIPTS.parent


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_tone_model(tmp_path / "tone.keras"))


def sound(path: Path, *pieces: tuple[str, float]) -> Path:
    """Write a recording of tones (``t``) and noise (``n``), each of a number of seconds."""
    rng = np.random.default_rng(len(pieces))
    made = []
    for kind, seconds in pieces:
        n = round(seconds * RATE_HZ)
        made.append(0.5 * np.sin(np.arange(n) / 8) if kind == "t" else 0.1 * rng.standard_normal(n))
    path.parent.mkdir(parents=True, exist_ok=True)
    encode.write_clip(np.rint(np.concatenate(made) * 32767).astype(np.int16), RATE_HZ, path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], list[str]]:
    """Exit status, and lines of stdout and stderr."""
    try:
        status = cli.main(list(arguments))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    said = capsys.readouterr()
    return status, said.out.splitlines(), said.err.splitlines()


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert wanted is not None
    assert run(capsys, "--version") == (0, [f"soundsift {wanted[1]}"], [])


# ---- detect


def test_the_terminal_gets_a_row_per_segment_and_a_row_for_a_broken_file(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    first = sound(folder / "a.wav", ("n", 20), ("t", 25), ("n", 20))
    (folder / "b.wav").write_text("Dear all")
    (folder / "empty.mp3").touch()
    last = sound(folder / "c.wav", ("n", 10))
    status, table, errors = run(capsys, "detect", str(folder), "--model", model)
    assert status == 2
    start, end, name, probability, place = table[1].split()
    assert (name, place) == ("tone", str(first))
    assert (float(start), float(end)) == (pytest.approx(20, abs=1), pytest.approx(45, abs=1))
    assert 0.9 < float(probability) < 1
    assert [line.split() for line in table[2:]] == [
        ["-", "-", "corrupt", "-", str(folder / "b.wav")], ["-", "-", "nothing", "-", str(last)],
        ["-", "-", "corrupt", "-", str(folder / "empty.mp3")],
    ]  # fmt: skip
    assert len(errors) == 2
    assert f"soundsift: {folder / 'b.wav'}: corrupt (b.wav cannot be decoded" in errors[0]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_folder_gets_the_files_of_every_format_and_a_table_of_all_recordings(
    jobs: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(tmp_path / "in" / "a.wav", ("t", 12))
    sound(tmp_path / "in" / "deep" / "a.flac", ("n", 30), ("t", 30))
    (tmp_path / "in" / "b.wav").touch()
    out = tmp_path / "out"
    arguments = (str(tmp_path / "in"), "--model", model, "--output", str(out), "--recursive", "--jobs", jobs)
    status, table, _ = run(capsys, "detect", *arguments, "--format", "csv,audacity,json,rttm,raven")
    assert (status, table) == (2, [])
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    endings = ("csv", "txt", "json", "rttm", "selections.txt")
    assert names == {"recordings.csv", *(f"{name}.{end}" for name in ("a", "b", "deep/a") for end in endings)}
    assert (out / "a.txt").read_text() == "0.000\t12.000\ttone\n"
    assert json.loads((out / "b.json").read_text())["outcome"] == "corrupt"
    assert (out / "deep" / "a.rttm").read_text().startswith("SPEAKER a 1 ")
    rows = (out / "recordings.csv").read_text().splitlines()
    assert rows[0] == '"recording","outcome","reason","duration_seconds","tone_seconds","name"'
    assert [row.split(",")[-1] for row in rows[1:]] == ['"a"', '"b"', '"deep/a"']
    assert [row.split(",")[1] for row in rows[1:]] == ['"ok"', '"corrupt"', '"ok"']


def test_short_segments_are_left_out(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sound(tmp_path / "a.wav", ("t", 30), ("n", 30), ("t", 10))
    for minimum, n in (("0", 2), ("20", 1), ("40", 1)):
        status, table, _ = run(capsys, "detect", str(path), "--model", model, "--min-seconds", minimum)
        assert (status, len(table)) == (0, 1 + n)
    assert table[1].split()[2] == "nothing"


def test_eight_channels_at_192_kilohertz_are_read(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s24le", rate=192_000, layout="7.1")
        tone = np.rint(2**30 * np.sin(2 * np.pi * 440 * np.arange(5 * 192_000) / 192_000)).astype(np.int32)
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, 8)[np.newaxis], format="s32", layout="7.1")
        frame.sample_rate = 192_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    status, table, errors = run(capsys, "detect", str(tmp_path / "a.wav"), "--model", model)
    assert (status, errors) == (0, [])
    assert table[1].split()[:3] == ["0.0", "5.0", "tone"]


def test_a_name_with_line_breaks_stays_in_its_line(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(tmp_path / "in" / "one\ntwo.wav", ("t", 5))
    (tmp_path / "in" / "three\rfour.wav").touch()
    status, table, errors = run(capsys, "detect", str(tmp_path / "in"), "--model", model)
    assert (status, len(table), len(errors)) == (2, 3, 1)
    assert "one\\ntwo.wav" in table[1]
    assert "three\\rfour.wav" in errors[0]


def test_bad_usage_is_one_line_with_status_1(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(sound(tmp_path / "a.wav", ("t", 5)))
    (tmp_path / "text.keras").write_text("nothing")
    (tmp_path / "none").mkdir()
    (tmp_path / "taken" / "recordings.csv").mkdir(parents=True)
    damaged = tmp_path / "damaged.keras"
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        at = new.getinfo("soundsift.npz").header_offset
    content = bytearray(damaged.read_bytes())
    content[at + 60 : at + 160] = b"\xff" * 100
    damaged.write_bytes(content)
    cases = {
        ("detect", path, "--model", str(tmp_path / "no.keras")): "combined.keras of a training with --model",
        ("detect", path, "--model", str(tmp_path / "text.keras")): "is not a detector of this workflow",
        ("detect", path, "--model", path): "is not a detector of this workflow",
        ("info", path): "is not a detector of this workflow",
        ("detect", str(tmp_path / "none"), "--model", model): "no file is in",
        ("detect", str(tmp_path / "no.wav"), "--model", model): "is no file or folder",
        ("detect", path, "--model", model, "--format", "csv"): "--format needs --output",
        ("detect", path, "--model", model, "--format", "mp3", "--output", "x"): "'mp3' is no format",
        ("detect", path, "--model", model, "--jobs", "0"): "'0' is no number of processes",
        ("detect", path, "-", "--model", model): "- reads standard input",
        ("detect", path, "--model", model, "--output", path): "cannot be written (File exists): name another",
        ("detect", path, "--model", model, "--output", str(tmp_path / "taken")): "recordings.csv is a folder",
        ("detect", "", "--model", model): "a path is empty",
        ("detect", path, "--model", model, "--min-seconds", "nan"): "'nan' is no number of seconds",
        ("detect", path, "--model", model, "--min-seconds", "-1"): "'-1' is no number of seconds",
        ("detect", path, "--model", model, "--min-seconds", "inf"): "'inf' is no number of seconds",
        ("detect", "-a.wav", "--model", model): "write ./ before a name that begins with a dash",
        ("info", str(damaged)): "is not a detector of this workflow",
        ("detect",): "PATH",
        ("hear",): "invalid choice",
        (): "COMMAND",
    }
    for arguments, message in cases.items():
        status, table, errors = run(capsys, *arguments)
        assert (status, len(errors)) == (1, 1), (arguments, errors)
        assert errors[0].startswith("soundsift: ") and message in errors[0], errors[0]
        assert [line for line in table if line != HEADER] == []


def test_a_terminal_shows_files_seconds_of_sound_and_time_left(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(tmp_path / "in" / "a.wav", ("t", 30))
    sound(tmp_path / "in" / "b.wav", ("n", 10))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(["detect", str(tmp_path / "in"), "--model", model]) == 0
    said = capsys.readouterr()
    bars = [part.split("]")[1] for part in said.err.split("\r\x1b[K") if part.startswith("[")]
    assert [" ".join(bar.split()[:-3]) for bar in bars] == [
        "0 of 2 files, 30 s of sound,", "1 of 2 files, 30 s of sound,",
        "1 of 2 files, 40 s of sound,", "2 of 2 files, 40 s of sound,",
    ]  # fmt: skip
    assert bars[-1].endswith("0 s left")
    assert "\x1b" not in said.out


# ---- standard input


@contextmanager
def listening(model: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """A command that has got 50 of 80 seconds of a live stream, and the rest of the stream."""
    whole = sound(folder / "a.wav", ("t", 30), ("n", 30), ("t", 20)).read_bytes()
    first = 44 + 2 * RATE_HZ * 50
    command = [sys.executable, "-m", "soundsift.cli", "detect", "-", "--model", model]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        # without it, a command that waits for the end would wait for ever
        guard = threading.Timer(60, process.kill)
        guard.start()
        process.stdin.write(whole[:first])
        process.stdin.flush()
        yield process, whole[first:]
        guard.cancel()


def test_standard_input_is_heard_while_it_lasts(model: str, tmp_path: Path) -> None:
    with listening(model, tmp_path) as (process, rest):
        assert process.stdout.readline().decode().rstrip() == HEADER
        start, end, name, *_ = process.stdout.readline().split()
        assert (float(start), float(end), name) == (0, pytest.approx(30, abs=1), b"tone")
        process.stdin.write(rest)
        process.stdin.close()
        (line,) = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert float(line.split()[1]) == pytest.approx(80, abs=0.01)


def test_standard_input_that_is_no_sound_is_one_line(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for data, outcome in ((b"Dear all", "corrupt"), (b"", "corrupt")):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        status, table, errors = run(capsys, "detect", "-", "--model", model)
        assert (status, table) == (2, [HEADER])
        (line,) = errors
        assert line.startswith(f"soundsift: standard input: {outcome} (the stream cannot be decoded")


def test_an_interrupt_ends_a_live_stream_at_once(model: str, tmp_path: Path) -> None:
    with listening(model, tmp_path) as (process, _):
        lines = [process.stdout.readline(), process.stdout.readline()]
        # FFmpeg waits for more: an interrupt of Python's own code would end the command in any case
        used = [-1.0, psutil.Process(process.pid).cpu_times().user]
        while used[-1] > used[-2]:
            time.sleep(0.5)
            used.append(psutil.Process(process.pid).cpu_times().user)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert lines[1].split()[2] == b"tone"


def test_standard_input_that_is_closed_or_too_short_is_one_line(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sound(tmp_path / "a.wav", ("t", 20)).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data[: len(data) // 2])))
    status, _, errors = run(capsys, "detect", "-", "--model", model)
    assert (status, len(errors)) == (2, 1)
    assert "says 20.0 s and ends after 10.0 s" in errors[0]
    monkeypatch.setattr(sys, "stdin", None)
    status, _, errors = run(capsys, "detect", "-", "--model", model)
    assert (status, errors) == (1, ["soundsift: standard input is closed: send the sound to it, or name a file"])


def test_the_others_are_written_if_a_folder_is_in_the_place_of_a_file(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        sound(tmp_path / "in" / f"{name}.wav", ("t", 5))
    (tmp_path / "out" / "a.csv").mkdir(parents=True)
    status, _, errors = run(capsys, "detect", str(tmp_path / "in"), "--model", model, "--output", str(tmp_path / "out"))
    assert (status, len(errors)) == (2, 1)
    assert "a.csv cannot be written (Is a directory)" in errors[0]
    assert (tmp_path / "out" / "b.csv").is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), BrokenProcessPool()])
def test_a_run_that_is_ended_leaves_the_table_of_what_was_heard(
    error: BaseException, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("a", "b"):
        sound(tmp_path / "in" / f"{name}.wav", ("t", 5))

    def end(text: str, path: Path) -> None:
        if path.name == "b.csv":
            raise error

    monkeypatch.setattr(folder, "write_text", end)
    status, _, errors = run(capsys, "detect", str(tmp_path / "in"), "--model", model, "--output", str(tmp_path / "out"))
    assert status == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert "a.wav" in (tmp_path / "out" / "recordings.csv").read_text()
    if isinstance(error, OSError):
        assert errors == [f"soundsift: {tmp_path / 'out' / 'b.csv'}: No space left on device"]


def test_a_model_of_the_demo_is_named_as_such(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic = tmp_path / "demo.keras"
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(synthetic, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"synthetic": false', b'"synthetic": true'))
    path = sound(tmp_path / "a.wav", ("t", 5))
    status, _, errors = run(capsys, "detect", str(path), "--model", str(synthetic))
    assert (status, errors) == (0, [f"soundsift: warning: {synthetic} was {cli.SYNTHETIC}"])


# ---- choice


def test_files_folders_and_patterns_are_found_and_named_once(tmp_path: Path) -> None:
    for name in ("a.mp3", "a.wav", "recordings.wav", "deep/b.wav", "deep/.hidden.wav", "[x].wav", "other/b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    root = str(tmp_path)
    assert list(chosen([root], recursive=False))[:3] == ["[x]", "a.mp3", "a.wav"]
    names = chosen([root, f"{root}/a.mp3", f"{root}/deep"], recursive=True)
    assert {path.relative_to(tmp_path).as_posix() for path in names.values()} == {
        "a.mp3", "a.wav", "recordings.wav", "deep/b.wav", "[x].wav", "other/b.wav"
    }  # fmt: skip
    assert "recordings" not in names
    assert names["deep/b"].name == names["other/b"].name == "b.wav"
    assert list(chosen([f"{root}/[x].wav"], recursive=False)) == ["[x]"]
    assert list(chosen([f"{root}/*.mp3"], recursive=False)) == ["a"]
    assert len(chosen([f"{root}/deep/b.wav", f"{root}/other/b.wav"], recursive=False)) == 2


def test_links_pipes_and_folders_that_cannot_be_read_are_rows(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(tmp_path / "in" / "a.wav", ("t", 5))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "in" / "dead.wav").symlink_to("gone.wav")
    (tmp_path / "in" / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "in" / "shut").mkdir()
    listed = Path.iterdir

    def refuse(self: Path) -> Iterator[Path]:
        if self.name == "shut":
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    whole = (str(tmp_path / "fifo"), str(tmp_path / "in"), "--recursive")
    for arguments in (whole, (str(tmp_path / "fifo"), str(tmp_path / "in" / "*"))):
        status, table, errors = run(capsys, "detect", *arguments, "--model", model)
        rows = [(row.split()[2], Path(row.split()[4]).name) for row in table[1:]]
        assert sorted(rows) == [
            ("corrupt", "dead.wav"), ("corrupt", "fifo"), ("corrupt", "loop.wav"), ("corrupt", "shut"),
            ("tone", "a.wav"),
        ]  # fmt: skip
        assert (status, len(errors)) == (2, 4)
    assert "it is a pipe or a device: give it as standard input" in errors[0]


def test_names_with_a_colon_in_the_current_folder_are_heard(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(tmp_path / "in" / "a.wav", ("t", 5)).rename(tmp_path / "in" / "2026-11-28T12:30:00.wav")
    monkeypatch.chdir(tmp_path / "in")
    status, table, errors = run(capsys, "detect", ".", "--model", model)
    assert (status, errors, table[1].split()[2]) == (0, [], "tone")
    path = Path("2026-11-28T12:30:00.wav")
    assert decode.length_of(path) == length_of(path) == duration_of(path) == 5
    assert decode.held_seconds(path, 0, 5) == 5


def test_no_two_results_have_the_same_name(tmp_path: Path) -> None:
    for name in ("a.wav", "a.selections.wav", "b.mp3", "b.csv/c.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [Path(name) for name in chosen([str(tmp_path)], recursive=True)]
    assert len(names) == 4
    results = [f"{name}{ending}" for name in names for ending in (".csv", ".txt", ".selections.txt")]
    assert len(set(results)) == len(results)
    assert not {str(parent) for name in names for parent in name.parents} & set(results)


# ---- info


def test_info_names_the_detectors_and_the_features(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines, errors = run(capsys, "info", model)
    assert (status, errors) == (0, [])
    assert lines[:2] == ["tone", "  threshold: 0.500"]
    assert lines[-1].startswith("inputs: 2, from sound at 22050 Hz with n_fft 2048, hop_length 512")
