import ast
import csv
import difflib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from select_clips import select_clips
from soundsift.config.metadata import SelectionParams
from soundsift.config.pick import pick
from soundsift.config.reference import sections
from soundsift.config.settings import settle
from soundsift.media.outcomes import OUTCOMES, TRANSIENT
from soundsift.tables import write_csv
from tests.pages import PAGES, ROOT, Block, block, blocks, commands, prose, spans

DOCS = ROOT / "docs"
# What a page's configuration goes over where it names no list itself: a whole one, for it to be settled.
A_LIST = {"metadata": {"segments": {"train": "list.csv"}}}


@cache
def generated() -> dict:
    """What docs/generate.py writes: {path: function that gives the text}."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FILES


@pytest.mark.parametrize("path", generated())
def test_a_generated_file_is_up_to_date(path: str) -> None:
    found = (ROOT / path).read_text(encoding="utf-8").splitlines()
    expected = generated()[path]().splitlines()
    diff = difflib.unified_diff(found, expected, path, "from the code", lineterm="")
    assert found == expected, "\n".join(["run make docs, which makes these changes:", *diff])


# ---- links and names


@cache
def anchors(path: Path) -> set[str]:
    """What a link may name after #, by GitHub's rule: small letters, no punctuation, - for blanks."""
    titles = re.findall(r"^#+ (.*)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)]*)\)", prose(path))
    assert not [link for link in links if re.match(r"\w+:|/", link)], "pages link to pages of this repository"
    for link in links:
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_and_the_site_have_every_page() -> None:
    named = re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    there = sorted(path.name for path in DOCS.glob("*.md"))
    assert sorted(named) == there
    linked = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert sorted(["index.md", *linked]) == there


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_of_the_repository_that_a_page_names_is_there(path: Path) -> None:
    rooms = r"(scripts|tests|docs|workflow|benchmarks|envs|profiles)/[\w./-]*|Snakefile|Makefile|\w+\.yml"
    text = " ".join([*spans(path), *(one.text for one in blocks("", path.name))])
    named = {found[0] for found in re.finditer(rf"(?<![\w/.{{}}-])({rooms})", text)}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_module_that_the_page_on_extending_names_is_there() -> None:
    folders = "config|metadata|media|features|detectors|detection|report"
    text = " ".join(prose(DOCS / "extending.md").split())
    modules = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text))
    assert len(modules) >= 20
    package = ROOT / "scripts" / "soundsift"
    assert {name for name in modules if not (package / name).exists()} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_key_that_a_page_names_is_a_key(path: Path) -> None:
    known = {one.name: [key.name for key in one.keys] for one in sections() if not one.is_single}
    for span in spans(path):
        found = re.match(rf"({'|'.join(known)})\.([a-z_0-9]+)(?=[:. ]|$)", span)
        if found and found[2] not in ("parquet", "smk", "py", "keras", "csv"):
            assert found[2] in known[found[1]], span


def test_the_figures_of_the_readme_are_those_of_the_page_behind_it() -> None:
    rows = re.findall(r"^\| (?:music|speech) \|.*$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert len(rows) == 2
    assert not [row for row in rows if row not in (DOCS / "detectors.md").read_text()]


# ---- messages


@cache
def said_by_the_code() -> list[str]:
    """Every text of the code, with ... for what is filled in."""
    texts = []
    for path in [ROOT / "Makefile", *(ROOT / "scripts").rglob("*.py")]:
        if path.suffix != ".py":
            texts.append(path.read_text(encoding="utf-8"))
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(v.value if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(re.sub(r"%[sd]", "…", node.value))  # as logging fills it in
    return texts


def messages() -> list[str]:
    """The messages of docs/troubleshooting.md that are our own: those before Snakemake's."""
    ours = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").partition("## What Snakemake and make say")[0]
    return re.findall(r"^\| `([^`]+)` \|", ours, flags=re.MULTILINE)


@pytest.mark.parametrize("message", [*messages(), "soundsift needs Python 3.11, 3.12 or 3.13"])
def test_a_message_that_is_explained_is_one_that_is_said(message: str) -> None:
    pattern = ".*".join(re.escape(part) for part in message.split("…"))
    assert [text for text in said_by_the_code() if re.search(pattern, text, flags=re.DOTALL)]


# ---- configurations and commands


def settled(one: Block) -> dict:
    """A page's configuration, over a list where it names none."""
    given = yaml.safe_load(one.text)
    return settle(given | {"metadata": {**A_LIST["metadata"], **given.get("metadata", {})}})


@pytest.mark.parametrize("one", blocks("yaml"), ids=str)
def test_every_configuration_of_a_page_is_accepted(one: Block) -> None:
    given = yaml.safe_load(one.text)
    config = settled(one)
    for section, values in given.items():
        if section not in ("detectors", "download"):
            assert {key: config[section][key] for key in values} == values
    wanted = {name for name, classes in given.get("detectors", config["detectors"]).items() if classes is not None}
    assert set(config["detectors"]) == wanted


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_knows_every_target_that_is_named(command: str) -> None:
    done = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("one", blocks("python"), ids=str)
def test_every_name_that_a_python_example_imports_is_there(one: Block) -> None:
    for node in ast.walk(ast.parse(one.text)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


# ---- a detector of one's own class

DOG = block("own-classes.md", "dog.yaml")
# name: (what it stands below, rated by listeners, found right), as in AudioSet
CLASSES = {
    "Dog": ("", 10, 10), "Bark": ("Dog", 9, 9), "Bow-wow": ("Dog", 8, 4), "Growling": ("Dog", 10, 9), "Speech": ("", 10, 10),
}  # fmt: skip


def tables(folder: Path, extra: str = "") -> dict[str, Path]:
    """Class table, ontology and label accuracy of a few classes; ``extra`` is one more line of the first."""
    ids = {name: f"/x/{number}" for number, name in enumerate(CLASSES)}
    nodes = [
        {"id": ids[name], "name": name, "child_ids": [ids[n] for n, (above, *_) in CLASSES.items() if above == name]}
        for name in CLASSES
    ]
    texts = {
        "class_labels": "\n".join(
            ["index,mid,display_name", *(f"{i},{c},{n}" for i, (n, c) in enumerate(ids.items()))]
        ),
        "ontology": json.dumps(nodes),
        "label_quality": "\n".join(
            ["label_id,num_rated,num_true", *(f"{ids[name]},{of},{right}" for name, (_, of, right) in CLASSES.items())]
        ),
    }
    texts["class_labels"] += f"\n{extra}"
    for name, text in texts.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    return {name: folder / name for name in texts}


def select(
    config: dict, folder: Path, paths: dict[str, Path], lists: dict[str, Path], youtube: bool
) -> dict[str, list]:
    """Select clips as the workflow does; {clips, excluded: rows}."""
    found = {name: folder / f"{name}.parquet" for name in ("clips", "labels", "excluded")}
    select_clips(
        tables=paths, segments=lists, params=SelectionParams(**pick(SelectionParams, config["metadata"])), batch_size=100, youtube_ids=youtube, one_clip_a_video=False, detectors=config["detectors"],
        clips_path=found["clips"], labels_path=found["labels"], excluded_path=found["excluded"],
        batches_dir=folder / "batches", names_path=folder / "batches.txt",
    )  # fmt: skip
    return {name: pq.read_table(path).to_pylist() for name, path in found.items()}


def test_the_dog_detector_of_the_page_takes_rows_for_what_the_page_says(tmp_path: Path) -> None:
    text = (DOCS / "own-classes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w, -]+) \| (yes|no|unknown) \|", text, flags=re.MULTILINE)
    assert len(rows) >= 5
    # each twice: beside Speech, which is accurate, and by itself
    listed = [
        f"{i}{end},0,10,{labels}{more}"
        for i, (labels, _) in enumerate(rows)
        for end, more in (("", ""), ("s", ",Speech"))
    ]
    with open(tmp_path / "list.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["video_id", "start_seconds", "end_seconds", "labels"])
        writer.writerows(line.split(",", 3) for line in listed)
    config = settled(DOG)
    config["metadata"]["per_detector"] = None  # which takes nothing unknown
    found = select(config, tmp_path, tables(tmp_path), {"train": tmp_path / "list.csv"}, youtube=False)
    truths = {clip["video_id"]: clip["is_dog"] for clip in found["clips"]}
    for number, (labels, said) in enumerate(rows):
        expected = {"yes": True, "no": False, "unknown": None}[said]
        assert truths[f"{number}s"] is expected, labels
        assert truths.get(str(number), expected) is expected, labels
    assert [row["clip_id"] for row in found["excluded"]] == [f"{[labels for labels, _ in rows].index('Bow-wow')}_0"]
    assert {row["display_name"] for row in found["labels"] if row["is_dog"]} == {"Dog", "Bark", "Bow-wow"}


@pytest.mark.skipif("SOUNDSIFT_AUDIOSET" not in os.environ, reason="SOUNDSIFT_AUDIOSET names no folder")
def test_the_dog_detector_of_the_page_finds_as_many_clips_as_the_page_says(audioset: Path, tmp_path: Path) -> None:
    text = " ".join((DOCS / "own-classes.md").read_text(encoding="utf-8").split())
    paths = {
        key: audioset / name
        for key, name in (
            ("class_labels", "class_labels_indices.csv"), ("ontology", "ontology.json"), ("label_quality", "qa_true_counts.csv"),
        )
    }  # fmt: skip
    lists = {"train": audioset / "balanced_train_segments.csv", "eval": audioset / "eval_segments.csv"}
    config = settled(DOG)
    config["detectors"] |= settle({})["detectors"]  # it joins those of config.yaml
    chosen = select(config, tmp_path, paths, lists, youtube=True)
    assert f"With all three detectors this selects {len(chosen['clips'])} clips." in text
    names = [row["display_name"] for row in chosen["labels"] if row["is_dog"]]
    assert (
        f"`dog` includes {', '.join(name.removesuffix(' (dog)') for name in names[:-1])} and {names[-1]}, but" in text
    )
    config["metadata"]["per_detector"] = None
    every = Counter((clip["split"], clip["is_dog"]) for clip in select(config, tmp_path, paths, lists, True)["clips"])
    true, false, unknown = (every["train", truth] for truth in (True, False, None))
    assert (
        f"Of the {true + false + unknown:,} clips of the balanced list, a dog is then present in {true} and absent in "
        f"{false:,}, and {unknown} are unknown." in text
    )
    assert f"In the eval list, a dog is present in {every['eval', True]} clips." in text


def test_a_class_that_audioset_lacks_needs_one_line_in_the_class_table(tmp_path: Path) -> None:
    (line,) = [one.text.strip() for one in blocks("csv", "own-classes.md") if not one.file]
    (one,) = [one for one in blocks("yaml", "own-classes.md") if "my_classes.csv" in one.text]
    (name,) = settled(one)["detectors"]["kettle"]["classes"]
    assert name == next(csv.reader(io.StringIO(line)))[2]
    (tmp_path / "kettle.csv").write_text(
        "video_id,start,end,labels\n" + "".join(f"{i},0,10,{label}\n" for i, label in enumerate([name, "Speech"] * 2))
    )
    found = select(settled(one), tmp_path, tables(tmp_path, line), {"train": tmp_path / "kettle.csv"}, youtube=False)
    assert [clip["is_kettle"] for clip in found["clips"]] == [True, False] * 2


def test_no_recipe_forces_an_empty_variable() -> None:
    # without files, --forcerun forces the targets: jobs run, and the command ends with success
    forced = [line for line in commands() if re.search(r"--forcerun +\S*\$", line)]
    assert forced
    assert not [line for line in forced if not re.search(r"--forcerun \$\{[a-z]+:\?[a-z ]+\}$", line)]


def test_the_command_for_missing_clips_finds_batches_with_transient_outcomes(tmp_path: Path) -> None:
    page = (DOCS / "cluster.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("late=")]
    (tmp_path / "results/outcomes").mkdir(parents=True)
    for word in OUTCOMES:
        table = pa.table({"clip_id": ["a_0"], "outcome": [word], "reason": [""]})
        write_csv(table, tmp_path / f"results/outcomes/{word}.csv")
    found = subprocess.check_output(f"{line}\necho $late", shell=True, cwd=tmp_path, text=True)
    assert {Path(name).stem for name in found.split()} == TRANSIENT | {"unrecognised"}
