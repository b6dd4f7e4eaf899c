"""The command ``soundsift``: detect classes in recordings, and describe a model.

Exit status: 0 if all is well, 1 for bad usage, 2 if some recordings could not be read.
"""

import argparse
import io
import math
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from soundsift.detection.choice import chosen
from soundsift.detection.folder import check_folder, write_answer, write_table
from soundsift.detection.formats import FORMATS, Answer, printable, record
from soundsift.detection.listen import Detector, load
from soundsift.detection.terminal import HEADER, Progress, one_line, row_of, rows_of
from soundsift.errors import InputError, MediaError, SoundsiftError
from soundsift.workers import in_order

OK, BAD_USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 130
# Where the workflow writes its model.
MODEL = "results/detectors/combined.keras"
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if message.startswith(("unrecognized arguments: -", "the following arguments are required: PATH")):
            message += ": write ./ before a name that begins with a dash"
        print(f"soundsift: {one_line(message)}: see {self.prog} --help", file=sys.stderr)
        sys.exit(BAD_USAGE)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version  # takes time that no other command needs

        try:
            print(f"soundsift {version('soundsift')}")
        except PackageNotFoundError:
            print("soundsift, not installed")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="soundsift", description="Detect classes of sound in recordings.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
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
        check_folder(options.output)
    progress = Progress(recordings)
    rows: list[dict[str, Any]] = []
    n_unwritten = 0
    if not options.output:
        print(HEADER, flush=True)
    try:
        for name, answer in zip(recordings, _answers(recordings, options, progress), strict=True):
            rows.append({"name": printable(name), **record(answer)})
            progress.done(answer)
            faults = write_answer(name, answer, options.format or ["csv"], options.output) if options.output else []
            n_unwritten += len(faults)
            progress.clear()
            if not options.output:
                print("\n".join(rows_of(answer)), flush=True)
            if answer.result.reason:
                faults.append(f"{answer.recording}: {answer.result.outcome} ({answer.result.reason})")
            for fault in faults:
                print(f"soundsift: {one_line(fault)}", file=sys.stderr)
    except BaseException:
        if options.output and rows:
            with suppress(OSError):
                write_table(rows, options.output)
        raise
    progress.clear()
    if options.output:
        write_table(rows, options.output)
    return SOME_FAILED if n_unwritten or any(row["duration_seconds"] is None for row in rows) else OK


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


def _answers(recordings: Mapping[str, Path], options: argparse.Namespace, progress: Progress) -> Iterator[Answer]:
    paths = list(recordings.values())
    if options.jobs > 1 and len(paths) > 1:
        work = partial(_answer, model=options.model, min_seconds=options.min_seconds)
        yield from in_order(work, paths, options.jobs, chunk_size=1)
        return
    detector = _detector(options.model)
    _, rate_hz = detector.definition.feature_params()
    for path in paths:
        yield detector.answer(path, options.min_seconds, lambda block: progress.heard(len(block) / rate_hz))


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
                print(row_of(segment, "-"), flush=True)
    except MediaError as error:
        print(f"soundsift: standard input: {error.outcome} ({one_line(error.reason)})", file=sys.stderr)
        return SOME_FAILED
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    return OK


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
            print(one_line(f"  classes: {', '.join(facts.pop('classes'))}{without}"))
            for what, n, positives in (("training", "n_train", "train_positives"), ("eval", "n_eval", "positives")):
                print(f"  {what} clips: {facts.pop(n)}, {facts.pop(positives)} of them with the class")
            for metric, (value, low, high) in facts.items():
                print(one_line(f"  {metric.replace('_', ' ')}: {value:.3f} ({low:.3f} to {high:.3f})"))
            if not facts:
                print("  not judged: too few eval clips with the class or without it")
        if remark := definition.remark(name):
            print(one_line(f"  be careful: {remark}"))
    texts = ", ".join(f"{name} {value}" for name, value in vars(params).items())
    print(f"inputs: {len(definition.columns)}, from sound at {sample_rate_hz} Hz with {texts}")
    if definition.synthetic:
        print(SYNTHETIC)
    return OK


if __name__ == "__main__":
    sys.exit(main())
