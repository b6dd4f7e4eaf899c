"""The steps that run again after an edit of the package.

Each edit is made in a copy of the scripts, and the digests of all steps are compared with those of the original.
"""

import re
from pathlib import Path

import pytest
import yaml

from soundsift.code_digest import SCRIPTS, code_digest
from tests.scripts.test_guard import rules

# a list is not downloaded again for new code, and targets without an output always run
WITHOUT_DIGEST = {"fetch_audioset", "check_archive", "count_coverage", "count_metadata", "free_media"}
STEPS = {path.stem for path in SCRIPTS.glob("*.py")} - WITHOUT_DIGEST

DOWNLOAD = {"download_clips"}
EXTRACT = {"extract_features", "augment_clips"}
TRAIN = {"train_detector", "learning_curve", "evaluate_detector"}
LISTEN = {"detect_recordings"}
DRAW = {
    "draw_detector", "draw_distributions", "draw_gallery", "draw_recordings", "summarize_metadata", "summarize_run",
}  # fmt: skip
PAGES = {"detect", "draw_gallery", "play_clips", "summarize_metadata", "summarize_run", "write_provenance"}

# {edit: (file, old text, new text, steps that run again)}
EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "a new message of YouTube": (
        "media/sources/ytdlp_errors.py", '    (r"Private video|', '    (r"A new message", "private"),\n    (r"Private video|',
        DOWNLOAD,
    ),
    "better advice about an outcome": (
        # the page of the report explains outcomes too
        "media/outcomes.py", '"run the same command again"', '"run the same command once more"',
        DOWNLOAD | {"summarize_run"},
    ),
    "a constant of the rate": ("media/pace.py", "SHORTEST_BLOCK_SECONDS = 60.0", "SHORTEST_BLOCK_SECONDS = 90.0", DOWNLOAD),
    "a constant of the process that fetches": (
        "media/sources/ytdlp_options.py", "SOCKET_TIMEOUT_SECONDS = 20.0", "SOCKET_TIMEOUT_SECONDS = 25.0", DOWNLOAD,
    ),
    "a default of the downloads": ("config/download.py", "margin_seconds: Annotated[float, Ge(0)] = 1.0",
        "margin_seconds: Annotated[float, Ge(0)] = 2.0", DOWNLOAD),
    "how the archive is written": ("media/archive_writer.py", "LEFTOVER_SECONDS = 24", "LEFTOVER_SECONDS = 48", DOWNLOAD),
    "a colour": ("report/figures/style.py", "#0072B2", "#0072B3", DRAW),
    "the look of all pages": ("report/templates/page.css", "margin: 1.5em", "margin: 2em", PAGES),
    "the text of the model card": ("detectors/templates/card.md", "## What it is", "## What this is", {"write_card"}),
    "a constant of detection": (
        "media/stream.py", "LONGEST_HOLE_SECONDS = 60.0", "LONGEST_HOLE_SECONDS = 30.0", LISTEN,
    ),
    "how segments are found": (
        "detection/segments.py", "STEP_SECONDS, LASTING_SECONDS = 1, 20", "STEP_SECONDS, LASTING_SECONDS = 1, 30", LISTEN,
    ),
    "code of a parameter of the transform": (
        # detection takes the filters from the model
        "features/frames.py", "tuning=0.0", "tuning=0.1", EXTRACT | {"train_detector"},
    ),
    "code of the transform": (
        "features/transform.py", "mel_db.max() - 80", "mel_db.max() - 70", EXTRACT | LISTEN | TRAIN | {"combine_detectors"},
    ),
    "how a row group is filled": (
        "features/growing_parquet.py", "ROW_GROUP = 16384", "ROW_GROUP = 8192", {"merge_features", "merge_augmented"},
    ),
    "a hyperparameter": ("detectors/hyperparameters.py", "dropout: float = 0.3", "dropout: float = 0.2", TRAIN),
    "the threads of numerical libraries": ("__init__.py", '_THREADS"] = "1"', '_THREADS"] = "2"', STEPS),
    "a comment": ("features/frames.py", "    import librosa\n", "    # slow\n    import librosa  # at last\n\n", set()),
    "a docstring": ("features/frames.py", '    """', '    """Another sentence. ', set()),
    "the description of a key": ("config/features.py", "128\n    \"\"\"", "128\n    \"\"\"Another sentence. ", set()),
    "a comment in a script": ("../extract_features.py", "from functools", "# a remark\nfrom functools", set()),
    "a line of a script": ("../extract_features.py", 'Progress("', 'Progress("now ', {"extract_features"}),
    "the meaning of a column": ("media/columns.py", '"", "outcome of the clip"', '"", "another meaning"', set()),
    "the message of an error": ("tables.py", "cannot be read", "is unreadable", set()),
    "the range of a key": ("config/features.py", "Le(4096)", "Le(8192)", set()),
    "the wording of a reason": (
        "metadata/reasons.py", "the row was selected", "the row is a clip", {"select_clips", "summarize_metadata"},
    ),
    "the wait for compiled functions": ("numba_cache.py", "WAIT_SECONDS = 900.0", "WAIT_SECONDS = 600.0", set()),
    "how errors are shown": ("joblog.py", 'f"error: {error}', 'f"Error: {error}', set()),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_reruns_the_steps_that_use_it_and_no_other(edit: str, copy_of_scripts: Path) -> None:
    file, old, new, expected = EDITS[edit]
    path = copy_of_scripts / "soundsift" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    changed = {step for step in STEPS if code_digest(step, copy_of_scripts) != code_digest(step)}
    assert changed == expected


def test_every_step_has_its_rule_with_its_digest_but_the_download() -> None:
    digests = {name: re.findall(r'code_digest\("(\w+)"\)', text) for name, text in rules().items()}
    # Snakemake runs everything after a job that runs again, even if its output is the same. The archive keeps what was
    # downloaded, so new code takes effect at the next request.
    assert {name: found for name, found in digests.items() if found} == {step: [step] for step in STEPS - DOWNLOAD}


def test_snakemake_compares_no_scripts_by_their_time_stamps() -> None:
    for profile in ("profiles/default/config.yaml", "workflow/profiles/slurm/config.yaml"):
        triggers = yaml.safe_load((SCRIPTS.parent / profile).read_text())["rerun-triggers"]
        assert triggers == ["input", "mtime", "params", "software-env"]
