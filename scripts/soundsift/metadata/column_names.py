"""The names that lists give our columns, and finding them in a header row."""

import re
from collections.abc import Mapping, Sequence

# Names that lists give our columns, in the order of preference.
HEADERS = {
    "video_id": ("video_id", "ytid", "yt_id", "youtube_id"),
    "segment_id": ("segment_id", "clip_id"),
    "file": (
        "file", "filename", "file_name", "file_path", "filepath", "path", "fname", "audio", "audio_file", "audiofile",
        "audio_path", "audio_filename", "wav", "wav_file", "recording", "datei", "dateiname", "fichier", "archivo",
        "ficheiro", "文件", "文件名",
    ),
    "start_seconds": (
        "start_seconds", "start_time_seconds", "start", "start_time", "start_s", "onset", "beginn", "anfang", "début",
        "debut", "inicio", "início", "inizio", "开始", "开始时间",
    ),
    "end_seconds": (
        "end_seconds", "end_time_seconds", "end", "end_time", "end_s", "offset", "ende", "fin", "fim", "fine", "结束",
        "结束时间",
    ),
    "labels": (
        "labels", "label", "positive_labels", "label_ids", "event_label", "event_labels", "category", "class",
        "class_name", "class_label", "tags", "tag", "klasse", "kategorie", "étiquette", "étiquettes", "etiqueta",
        "etiquetas", "etichetta", "classe", "clase", "标签", "类别",
    ),
    "fold": ("fold",),
}  # fmt: skip
KEYS = ("video_id", "segment_id", "file")
# What rows have and headers do not: names of files.
MEDIA_NAME = r".*\.(wav|flac|mp[234]|og[ga]|opus|m4a|aac|aif[fc]?|wma|wv|webm|mkv|mov|avi|ac3|au|caf|amr|w64)"


def names_in(first: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """Translate a header row into our names, with "" for other columns."""
    fields = [field.lower() for field in first]
    known = {alias: name for name, aliases in HEADERS.items() for alias in aliases}
    best = {name: next((alias for alias in aliases if alias in fields), None) for name, aliases in HEADERS.items()}
    names = [known[field] if best.get(known.get(field, "")) == field else "" for field in fields]
    for ours, theirs in columns.items():
        names = [name if name != ours else "" for name in names]
        for i in positions_of(theirs, first):
            names[i] = ours
    return names


def positions_of(name: str, header: Sequence[str]) -> list[int]:
    """Find the columns with a name: those that have it exactly, or else in other capital and small letters."""
    exact = [i for i, field in enumerate(header) if field == name]
    return exact or [i for i, field in enumerate(header) if field.lower() == name.lower()]


def words_of(name: str) -> list[str]:
    """Divide the name of a column into its words, in small letters."""
    return [word for word in re.split(r"[\W\d_]+", name.lower()) if word]
