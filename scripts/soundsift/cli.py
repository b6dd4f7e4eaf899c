"""The command ``soundsift``: detect classes in recordings, and describe a model.

Exit status: 0 if all is well, 1 for bad usage, 2 if some recordings could not be read.
"""

import argparse
import io
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from soundsift.detection.choice import TABLE, chosen
from soundsift.detection.formats import FORMATS, Answer, printable, record
from soundsift.detection.listen import Detector, load
from soundsift.detection.overview import overview
from soundsift.detection.segments import Segment
from soundsift.errors import InputError, MediaError, SoundsiftError
from soundsift.files import write_text
from soundsift.media.stream import length_of
from soundsift.tables import write_csv
from soundsift.workers import in_order

OK, BAD_USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 130
# Where the workflow writes its model.
MODEL = "results/detectors/combined.keras"
HEADER = f"{'start':>10} {'end':>10}  {'detector':<12} {'probability':>11}  recording"
BAR_WIDTH = 24
SYNTHETIC = "trained on the synthetic sound of the demo: of no use on real recordings"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(options.run(options))
    except SoundsiftError as error:
        print(f"soundsift: {one_line(str(error))}", file=sys.stderr)
        return BAD_USAGE
    except BrokenProcessPool:
        print("soundsift: a process has ended, perhaps for lack of memory: use fewer --jobs", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:
        # the reader of the table, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        # every file is named where it is written, so what has no name is the table on the terminal
        text = f"{error.filename or 'standard output'}: {error.strerror or error}"
        print(f"soundsift: {one_line(text)}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


def one_line(text: str) -> str:
    """Escape line breaks and other control characters, which names of files may hold."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in printable(text)
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if message.startswith(("unrecognized arguments: -", "the following arguments are required: PATH")):
            message += ": write ./ before a name that begins with a dash"
        print(f"soundsift: {one_line(message)}: see {self.prog} --help", file=sys.stderr)
        sys.exit(BAD_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="soundsift", description="Detect classes of sound in recordings.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    detect = commands.add_parser("detect", help="find the segments of recordings in which a class is present")
    detect.add_argument(
        "paths", nargs="+", metavar="PATH", help="files, folders or patterns; - for WAV from standard input"
    )
    detect.add_argument("--model", type=Path, default=Path(MODEL), help=f"a combined.keras; {MODEL} if left out")
    detect.add_argument("--output", type=Path, metavar="FOLDER", help="write files there instead of a table here")
    detect.add_argument(
        "--format", type=_formats, metavar="LIST", help=f"with --output: {','.join(FORMATS)}; csv if left out"
    )
    detect.add_argument("--jobs", type=_positive, default=1, metavar="N", help="recordings at the same time")
    detect.add_argument("--min-seconds", type=_seconds, default=0.0, metavar="S", help="leave out shorter segments")
    detect.add_argument("--recursive", action="store_true", help="search subfolders too")
    detect.set_defaults(run=_detect)
    info = commands.add_parser("info", help="describe a model")
    info.add_argument("model", type=Path, metavar="MODEL")
    info.set_defaults(run=_info)
    return parser


def _formats(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in FORMATS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no format: use {','.join(FORMATS)}")
    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes: use 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: use 0 or more")
    return seconds


# ---- detect


def _detect(options: argparse.Namespace) -> int:
    if options.format and not options.output:
        raise InputError("--format needs --output, the folder for the files")
    if "-" in options.paths:
        return _listen(options)
    recordings = chosen(options.paths, options.recursive)
    _use(options.model)  # an unusable model is refused before any process starts
    if options.output:
        _check_folder(options.output)
    progress = _Progress(recordings)
    rows: list[dict[str, Any]] = []
    n_unwritten = 0
    if not options.output:
        print(HEADER, flush=True)
    try:
        for name, answer in zip(recordings, _answers(recordings, options, progress), strict=True):
            rows.append({"name": printable(name), **record(answer)})
            progress.done(answer)
            faults = _write(name, answer, options) if options.output else []
            n_unwritten += len(faults)
            progress.clear()
            if not options.output:
                print("\n".join(_rows(answer)), flush=True)
            if answer.result.reason:
                faults.append(f"{answer.recording}: {answer.result.outcome} ({answer.result.reason})")
            for fault in faults:
                print(f"soundsift: {one_line(fault)}", file=sys.stderr)
    except BaseException:
        if options.output and rows:
            with suppress(OSError):
                _write_table(rows, options.output)
        raise
    progress.clear()
    if options.output:
        _write_table(rows, options.output)
    return SOME_FAILED if n_unwritten or any(row["duration_seconds"] is None for row in rows) else OK


def _check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written before anything is heard."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"--output {folder} cannot be written ({error.strerror}): name another folder") from error
    if (folder / TABLE).is_dir():
        raise InputError(f"{folder / TABLE} is a folder: remove it, or name another --output")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error of writing it."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from error


def _write(name: str, answer: Answer, options: argparse.Namespace) -> list[str]:
    """Write the files of a recording; return a line for each whose place is taken. A full disk is an error."""
    faults = []
    for key in options.format or ["csv"]:
        path = options.output / f"{name}{FORMATS[key].ending}"
        try:
            with _named(path):
                write_text(FORMATS[key].text(answer), path)
        except (IsADirectoryError, NotADirectoryError, FileExistsError, PermissionError) as error:
            faults.append(f"{path} cannot be written ({error.strerror}): remove what is there")
    return faults


def _write_table(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    table = overview(rows).append_column("name", pa.array([row["name"] for row in rows], pa.string()))
    with _named(folder / TABLE):
        write_csv(table, folder / TABLE)


def _use(model: Path) -> Detector:
    """Read the model of the option, and warn if it is of no use on real recordings."""
    if not model.exists():
        raise InputError(f"no model is at {model}: name the combined.keras of a training with --model")
    detector = _detector(model)
    if detector.definition.synthetic:
        print(f"soundsift: warning: {model} was {SYNTHETIC}", file=sys.stderr)
    return detector


@cache
def _detector(model: Path) -> Detector:
    """Read the model once in each process."""
    return load(model)


def _answer(path: Path, model: Path, min_seconds: float) -> Answer:
    return _detector(model).answer(path, min_seconds)


def _answers(recordings: Mapping[str, Path], options: argparse.Namespace, progress: "_Progress") -> Iterator[Answer]:
    paths = list(recordings.values())
    if options.jobs > 1 and len(paths) > 1:
        work = partial(_answer, model=options.model, min_seconds=options.min_seconds)
        yield from in_order(work, paths, options.jobs, chunk_size=1)
        return
    detector = _detector(options.model)
    _, rate_hz = detector.definition.feature_params()
    for path in paths:
        yield detector.answer(path, options.min_seconds, lambda block: progress.heard(len(block) / rate_hz))


def _rows(answer: Answer) -> Iterator[str]:
    """Rows of the table on the terminal. A recording without segments has one row too."""
    place = one_line(str(answer.recording))
    for segment in answer.in_order:
        yield _row(segment, place)
    if not answer.result.segments:
        what = "nothing" if answer.result.was_read else answer.result.outcome
        yield f"{'-':>10} {'-':>10}  {what:<12} {'-':>11}  {place}"


def _row(segment: Segment, place: str) -> str:
    start, end, detector, probability = segment
    return f"{start:10.1f} {end:10.1f}  {detector:<12} {probability:11.3f}  {place}"


def _listen(options: argparse.Namespace) -> int:
    """Print the segments of standard input as soon as they are settled."""
    if options.paths != ["-"] or options.output:
        raise InputError("- reads standard input and prints a table: leave out other paths and --output")
    if sys.stdin is None:
        raise InputError("standard input is closed: send the sound to it, or name a file")
    detector = _use(options.model)
    print(HEADER, flush=True)
    try:
        # an interrupt that comes while FFmpeg works would be lost; every row has been printed
        before = signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    except ValueError:  # not in the main thread, which gets the signal
        before = None
    try:
        for segment in detector.stream(sys.stdin.buffer):
            if segment.end_seconds - segment.start_seconds >= options.min_seconds:
                print(_row(segment, "-"), flush=True)
    except MediaError as error:
        print(f"soundsift: standard input: {error.outcome} ({one_line(error.reason)})", file=sys.stderr)
        return SOME_FAILED
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    return OK


class _Progress:
    """A bar on the terminal: files, seconds of sound, and time left by the lengths that the files state."""

    def __init__(self, recordings: Mapping[str, Path]) -> None:
        self._is_shown = sys.stderr.isatty()
        self._n_files, self._n_done, self._heard = len(recordings), 0, 0.0
        self._of_file = 0.0
        self._total = sum(length_of(path) for path in recordings.values()) if self._is_shown else 0.0
        self._began = time.monotonic()

    def heard(self, n_seconds: float) -> None:
        """Count sound of a recording that is being analysed."""
        self._of_file += n_seconds
        self._show()

    def done(self, answer: Answer) -> None:
        """Count a recording as done."""
        self._heard, self._of_file = self._heard + answer.result.duration_seconds, 0.0
        self._n_done += 1
        self._show()

    def clear(self) -> None:
        """Remove the bar, so that a line can be printed in its place."""
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self) -> None:
        if not self._is_shown:
            return
        heard = self._heard + self._of_file
        share = min(1.0, heard / self._total) if self._total else self._n_done / self._n_files
        left = (time.monotonic() - self._began) * (1 - share) / share if share else 0.0
        bar = "#" * round(BAR_WIDTH * share)
        files = f"{self._n_done} of {self._n_files} files"
        text = f"[{bar:<{BAR_WIDTH}}] {files}, {heard:.0f} s of sound, {left:.0f} s left"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


# ---- info


def _info(options: argparse.Namespace) -> int:
    definition = load(options.model).definition  # as a whole, as detect reads it
    params, sample_rate_hz = definition.feature_params()
    for name, threshold in definition.thresholds.items():
        print(f"{name}\n  threshold: {threshold:.3f}")
        facts = dict(definition.about.get(name, {}))
        if facts:
            others = facts.pop("except")
            without = f", without {', '.join(others)}" if others else ""
            print(f"  classes: {', '.join(facts.pop('classes'))}{without}")
            for what, n, positives in (("training", "n_train", "train_positives"), ("eval", "n_eval", "positives")):
                print(f"  {what} clips: {facts.pop(n)}, {facts.pop(positives)} of them with the class")
            for metric, (value, low, high) in facts.items():
                print(f"  {metric.replace('_', ' ')}: {value:.3f} ({low:.3f} to {high:.3f})")
    texts = ", ".join(f"{name} {value}" for name, value in vars(params).items())
    print(f"inputs: {len(definition.columns)}, from sound at {sample_rate_hz} Hz with {texts}")
    if definition.synthetic:
        print(SYNTHETIC)
    return OK


if __name__ == "__main__":
    sys.exit(main())
