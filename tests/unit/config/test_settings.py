from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from soundsift.config.download import places_of_files
from soundsift.config.settings import (
    AUDIOSET,
    DEMO,
    TABLES,
    check_files,
    is_demo,
    one_file_a_video,
    remarks,
    settle,
)
from soundsift.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def test_the_shipped_config_is_that_of_the_defaults() -> None:
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert settle(shipped) == settle({})


def test_empty_means_the_demo_with_its_own_tables_and_media() -> None:
    config = settle({})
    assert is_demo(config)
    assert config["metadata"]["ontology"].startswith(DEMO)


def test_own_lists_get_audioset_s_tables_and_youtube() -> None:
    config = settle({"metadata": {"segments": {"train": "mine.csv"}}})
    assert config["metadata"]["segments"] == {"train": "mine.csv"}, "the demo's eval list must not slip in"
    assert config["metadata"]["class_labels"] == f"{AUDIOSET}/class_labels_indices.csv"
    assert config["download"]["url"].startswith("https://www.youtube.com/")
    assert not is_demo(config)


def test_both_forms_of_a_detector_become_one() -> None:
    long = {"classes": ["Speech"], "except": ["Speech synthesizer"]}
    assert settle({"detectors": {"dog": ["Dog"], "speech": long}})["detectors"] == {
        "dog": {"classes": ["Dog"]}, "speech": long
    }  # fmt: skip


def test_a_list_that_is_not_there_is_refused_unless_it_will_be_made(tmp_path: Path) -> None:
    check_files(settle({}))
    (tmp_path / "mine.csv").touch()
    for train, line in (
        (tmp_path / "mine.csv", None),
        (f"{AUDIOSET}/balanced_train_segments.csv", None),
        ("none.csv", "metadata.segments.train is 'none.csv', but nothing is there"),
        (f"{AUDIOSET}/none.csv", "but nothing is there"),
        (tmp_path, "but a folder is there"),
    ):
        config = settle({"metadata": {"segments": {"train": str(train)}}})
        if line is None:
            check_files(config)
        else:
            with pytest.raises(ConfigError, match=line):
                check_files(config)


def test_media_whose_folder_is_not_there_are_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # without an archive
    (tmp_path / "train.csv").touch()
    given = {"metadata": {"segments": {"train": str(tmp_path / "train.csv")}, **dict.fromkeys(TABLES)}}
    given["metadata"] |= {key: str(tmp_path / "train.csv") for key in TABLES}
    for folder, there in ((tmp_path, True), (tmp_path / "unmounted", False)):
        config = settle(given | {"download": {"url": f"file://{folder}/{{video_id}}.*"}})
        if there:
            check_files(config)
        else:
            with pytest.raises(ConfigError, match=f"but there is no folder {folder}: mount the disk"):
                check_files(config)


@pytest.mark.parametrize("name", ["{video_id}.wav", "{clip_id}/a.*", "{file}"])
@pytest.mark.parametrize("others", [[], ["youtube"]])
@pytest.mark.parametrize("on_transient", ["record", "fail"])
@pytest.mark.parametrize("has_archive", [True, False])
def test_a_folder_of_media_may_be_away_if_the_archive_or_other_sources_may_have_its_clips(
    has_archive: bool, on_transient: str, others: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.csv").touch()
    url = f"file://{tmp_path}/unmounted/{name}"
    config = settle(
        {
            "metadata": {"segments": {"train": "train.csv"}, **dict.fromkeys(TABLES, "train.csv")},
            "download": {"sources": [{"url": one} for one in (url, *others)], "on_transient": on_transient},
        }
    )
    if has_archive:
        Path("archive").mkdir()
    # files of lists may have to be read for their durations
    if name != "{file}" and (has_archive or (others and on_transient == "record")):
        check_files(config)
        (remark,) = remarks(config)
        assert remark == (
            f"download.sources.0.url is '{url}', but there is no folder {tmp_path}/unmounted: clips that the archive does "
            "not have cannot be read from it"
        )
    else:
        with pytest.raises(ConfigError, match=f"but there is no folder {tmp_path}/unmounted: mount the disk or"):
            check_files(config)
    Path("unmounted").mkdir()
    check_files(config)
    assert remarks(config) == [] == remarks(settle({}))


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {"metadata": {"segments": {"train": "t.csv"}}}
    config = settle(given | {"download": {"archive": "~/a", "url": "file://~/m/{video_id}.*"}})
    assert config["download"]["archive"] == str(tmp_path / "a")
    assert config["download"]["url"] == f"file://{tmp_path}/m/{{video_id}}.*"


@pytest.mark.parametrize(
    ("trimmed", "name", "expected"),
    [(True, "Y{video_id}.wav", True), (True, "{video_id}_{start_ms}.wav", False), (True, "{clip_id}.wav", False),
     (False, "{video_id}.wav", False)],
)  # fmt: skip
def test_trimmed_media_named_by_the_video_alone_are_one_a_video(trimmed: bool, name: str, expected: bool) -> None:
    given = {"metadata": {"segments": {"train": "t.csv"}}, "download": {"trimmed": trimmed, "url": f"file:///m/{name}"}}
    assert one_file_a_video(settle(given)) is expected


@pytest.mark.parametrize(
    ("urls", "places"),
    [
        (["file:///a/{video_id}.wav"], None),
        (["file:///a/{file}", "https://host/{file}", "file:///b/{file}.*"], ["/a/{file}", "/b/{file}.*"]),
        (["https://host/{file}", "file:///a/{file}_{start_ms}.wav"], []),
    ],
)
def test_files_of_lists_are_where_the_sources_say(urls: list[str], places: list[str] | None) -> None:
    download = {"sources": [{"url": url, "trimmed": False} for url in urls]}
    settled = settle({"metadata": {"segments": {"train": "list.csv"}}, "download": download})
    assert places_of_files(settled["download"]) == places


def test_cookies_that_are_not_there_are_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="download.cookies is 'none.txt', but no file is there"):
        check_files(settle({"download": {"cookies": "none.txt"}}))


def test_numbers_given_as_text_inside_a_section_are_numbers() -> None:
    config = settle(
        {"batch_size": 100.0, "metadata": {"max_clips": "100"}, "download": {"retry_permanent": "true", "proxy": "1.2"}}
    )
    assert config["metadata"]["max_clips"] == 100
    assert str(config["batch_size"]) == "100"
    assert config["download"]["retry_permanent"] is True
    assert config["download"]["proxy"] == "1.2"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0: set it in config.yaml"),
        ({"batchsize": 10}, "unknown key batchsize in the configuration: did you mean batch_size?"),
        ({"download": {"cookie": "x"}}, "unknown key download.cookie in the configuration: did you mean cookies?"),
        ({"clips": {"format": "ogg"}}, "clips.format must be one of mp3, flac, wav, got 'ogg': set it in config.yaml"),
        ({"download": {"tries": "four"}}, "download.tries must be a whole number, got 'four': set it in config.yaml"),
        ({"metadata": {"ontology": "o.json"}}, "metadata.ontology is set but metadata.segments is not"),
        ({"metadata": {"segments": {"eval": "e.csv"}}}, "metadata.segments has only an eval list"),
        ({"metadata": {"segments": {"t": "t.csv"}}, "download": {"url": "http://x/{id}"}}, "unknown field {id}"),
        ({"metadata": {"segments": {"t": "t.csv"}}, "download": {"url": "http://x/a.m4a"}}, "the same for every clip"),
        ({"metadata": {"segments": {"t": "t.csv"}}, "download": {"url": "media/{video_id}"}}, "no known scheme"),
        ({"clips": {"sample_rate_hz": 20000}}, "clips.sample_rate_hz 20000 is not possible in mp3"),
        ({"download": {"yt_dlp": {"simulate": True}}}, "download.yt_dlp.simulate is set by the workflow: remove it"),
        (
            {"download": {"yt_dlp": {"retries": 3}}},
            "download.yt_dlp.retries has no effect on how media are fetched here: use download.tries",
        ),
        (
            {"download": {"yt_dlp": {"postprocessors": []}}},
            "download.yt_dlp.postprocessors has no effect on how media are fetched here: remove it",
        ),
        ({"detectors": {"dog": []}}, "detectors.dog must not be empty"),
        ({"detectors": {"dog": "Dog"}}, "detectors.dog must be a list or a mapping, got 'Dog'"),
        ({"detectors": {"dog": {"except": ["Bark"]}}}, "detectors.dog needs classes"),
        (
            {"detectors": {"dog": {"classes": ["Dog"], "exept": []}}},
            "unknown key detectors.dog.exept in the configuration: did you mean except?",
        ),
        ({"metadata": {"max_clips": "{"}}, "metadata.max_clips must be a whole number or empty, got '{'"),
        ({"metadata": {"min_label_accuracy": float("nan")}}, "metadata.min_label_accuracy must be a finite number"),
        ({"download": {"timeout_seconds": float("inf")}}, "download.timeout_seconds must be a finite number, got inf"),
        ({"batch_size": True}, "batch_size must be a whole number, got True"),
        ({"download": {"cookie": None}}, "unknown key download.cookie in the configuration"),
        ({"download": {"cookies": True}}, "download.cookies must be text or empty, got True"),
        ({"download": {"archive": ""}}, "download.archive must not be empty"),
        ({"download": "archive"}, "download must be a mapping, got 'archive'"),
        (
            {"metadata": {"segments": {"My list": "a.csv"}}},
            "metadata.segments must have names of small letters, digits",
        ),
        ({"metadata": {"segments": {}}}, "metadata.segments must not be empty, got {}"),
        ({"detectors": {"Dog": ["Dog"]}}, "detectors must have names of small letters, digits and _, got 'Dog'"),
        ({"detectors": {"dog": {"classes": "Dog"}}}, "detectors.dog.classes must be a list, got 'Dog'"),
        ({"detectors": {"dog": ["Dog", 7]}}, "detectors.dog.1 must be text, got 7"),
        ({"features": {"statistics": ["mean", "mean"]}}, "features.statistics must not repeat an entry, got ['mean'"),
        ({"training": {"hidden_units": [64, 0]}}, "training.hidden_units.1 must be at least 1, got 0"),
        ({"training": {"test_fraction": 1}}, "training.test_fraction must be less than 1, got 1"),
        ({"metadata": {"seed": 10**70}}, "metadata.seed must be at most"),
        ({"metadata": {"per_detector": 0}}, "metadata.per_detector must be at least 1"),
        ({"features": {"n_mfcc": 40, "n_mels": 32}}, "features.n_mfcc must be at most n_mels (32), got 40"),
        (
            {"features": {"hop_length": 44100}},
            "features.n_fft / 2 + features.hop_length must be at most 44100, the samples of the 2 s that a detector is",
        ),
        ({"features": {"n_fft": 65536}, "clips": {"sample_rate_hz": 8000}}, "at most 16000, the samples of the 2 s"),
        (
            {"training": {"features": "original"}, "features": {"statistics": ["std"]}},
            "training.features original needs",
        ),
    ],
)
def test_a_bad_config_is_refused_in_one_line(given: dict, line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settle(given)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_overlay_drops_a_detector_by_leaving_it_empty() -> None:
    assert list(settle({"detectors": {"music": None, "dog": ["Dog"]}})["detectors"]) == ["dog"]
    with pytest.raises(ConfigError, match="detectors must not be empty"):
        settle({"detectors": {"music": None}})


def test_a_folder_may_be_called_by_a_number() -> None:
    assert settle({"recordings": 2024})["recordings"] == "2024"
    assert settle({"download": {"archive": 7}})["download"]["archive"] == "7"


@pytest.mark.parametrize(
    ("field", "is_possible"),
    [
        ("{start_seconds:06.0f}", True), ("{end_seconds:.3f}", True), ("{start_ms:08d}", True), ("{end_ms:x}", True),
        ("{start_ms:,}", True), ("{start_seconds:d}", False), ("{video_id:>20}", False), ("{clip_id!r}", False),
        ("{start_seconds:{end_ms}}", False), ("{start_ms:kg}", False), ("{start_seconds!s:>5}", False),
    ],
)  # fmt: skip
def test_a_template_takes_formats_of_numbers_for_times_only(field: str, is_possible: bool) -> None:
    config = {"metadata": {"segments": {"train": "a.csv"}}, "download": {"url": f"file:///a/{{video_id}}_{field}.wav"}}
    if is_possible:
        settle(config)
    else:
        with pytest.raises(ConfigError, match="whose format is not possible: times take the format of a number"):
            settle(config)


@pytest.mark.parametrize(
    "make", [Path.touch, lambda path: path.symlink_to("gone")], ids=["a file", "a link to nothing"]
)
def test_results_that_are_no_folder_are_named(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("results"))
    with pytest.raises(
        ConfigError, match="results is a file or a link to nothing, but all outputs are written below it"
    ):
        check_files(settle({}))
