"""The forms of the address of a source of media, and what follows from the address alone."""

import hashlib
import re
import string
from collections.abc import Iterable
from pathlib import PurePosixPath

from soundsift.errors import ConfigError

# media/sources/registry.py has a source for each.
SCHEMES = ("https", "http", "file", "hf")
YOUTUBE = "https://www.youtube.com/watch?v={video_id}"
URL_FIELDS = ("video_id", "clip_id", "file", "start_seconds", "end_seconds", "start_ms", "end_ms")
# Folder of the indexes of shards.
SHARDS = "resources/shards"
SHARD_ENDINGS = (".parquet", ".tar")
PACKED_ENDINGS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
HUB = re.compile(
    r"hf://datasets/(?P<dataset>[^/@]+/[^/@]+)(?:@(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+))?/(?P<pattern>.+)"
)


def is_sharded(url: str) -> bool:
    """Return whether an address names Parquet or tar shards.

    Examples
    --------
    >>> is_sharded("hf://datasets/agkphysics/AudioSet/data/*/*.parquet"), is_sharded("file:///data/{video_id}.tar")
    (True, False)
    """
    return url.startswith("hf://") or (
        url.startswith("file://") and url.endswith(SHARD_ENDINGS) and not fields_of(url, "download.url")
    )


def index_path(url: str) -> str:
    """Return the path of the index of a sharded source."""
    return f"{SHARDS}/{_digest(url)[:16]}.parquet"


def label_of(url: str) -> str:
    """Name a source for records and tables, without folders of this machine.

    The name depends on the address alone. It tells two folders apart and stays when sources are added or moved.

    Examples
    --------
    >>> label_of("file:///old/Y{video_id}.wav"), label_of("file:///new/Y{video_id}.wav"), label_of("file:///a/*/*.tar")
    ('file:Y{video_id}.wav (b23335)', 'file:Y{video_id}.wav (cdbd0f)', 'file:*/*.tar (0c8a9f)')
    """
    if url == YOUTUBE:
        return "youtube"
    if not url.startswith("file://"):
        return url
    return f"file:{split_pattern(url.removeprefix('file://'))[1]} ({_digest(url)[:6]})"


def has_other_place(url: str, urls: Iterable[str]) -> bool:
    """Return whether sources are left if the place of one cannot be read: another data set, folder or site.

    Examples
    --------
    >>> both = ["hf://datasets/a/b/train/*.tar", "hf://datasets/a/b@v1/eval/*.tar"]
    >>> has_other_place(both[0], both), has_other_place(both[0], [*both, YOUTUBE])
    (False, True)
    """
    return len({_place_of(one) for one in (url, *urls)}) > 1


def _place_of(url: str) -> str:
    on_hub = HUB.fullmatch(url)
    return on_hub["dataset"] if on_hub else url


def split_pattern(path: str) -> tuple[str, str]:
    """Split a path into the folder that is fixed and the part that varies.

    Examples
    --------
    >>> split_pattern("/data/audioset/*/0*.parquet"), split_pattern("/data/one.tar"), split_pattern("*.tar")
    (('/data/audioset', '*/0*.parquet'), ('/data', 'one.tar'), ('', '*.tar'))
    """
    parts = PurePosixPath(path).parts
    varies = (i for i, part in enumerate(parts) if re.search(r"[*?\[{]", part))
    at = next(varies, len(parts) - 1)
    return str(PurePosixPath(*parts[:at])) if at else "", "/".join(parts[at:])


def folder_of(template: str) -> str:
    """Return the folder of the files that a template names, as far as it is the same for all of them.

    Examples
    --------
    >>> folder_of("file:///data/audio/Y{video_id}.wav"), folder_of("file://{file}")
    ('/data/audio', '')
    """
    return template.removeprefix("file://").partition("{")[0].rpartition("/")[0]


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def check_url(url: str, key: str) -> None:
    """Check an address: its scheme, and that it names shards or differs from clip to clip.

    Raises
    ------
    ConfigError
        If the address cannot be used.
    """
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        path = url.removeprefix("file:")  # with too few slashes
        on_disk = "" if ":" in path else f"; for a path on disk, write file://{path}"
        raise ConfigError(f"{key} {url!r} has no known scheme: write youtube or start it with one of {known}{on_disk}")
    if url.endswith(PACKED_ENDINGS):
        raise ConfigError(
            f"{key} {url!r} names compressed tar files, which cannot be read in parts: unpack them to .tar"
        )
    if scheme == "hf" and not (HUB.fullmatch(url) and url.endswith(SHARD_ENDINGS)):
        raise ConfigError(
            f"{key} {url!r} names no shards on the Hugging Face Hub: write "
            "hf://datasets/OWNER/NAME/FOLDER/*.parquet (or *.tar), with NAME@REVISION for a fixed version"
        )
    braces = f"{key} {url!r} has braces, which are no pattern: write several sources"
    braces += ", or use *, ? and []" if url.endswith(SHARD_ENDINGS) else ""
    if scheme == "hf" and "{" in url:
        raise ConfigError(braces)
    if is_sharded(url):
        return
    fields = fields_of(url, key)
    for name, form, conversion in fields:
        if "," in name or ".." in name:
            raise ConfigError(braces)
        if name not in URL_FIELDS:
            raise ConfigError(f"{key} has the unknown field {{{name}}}: use {', '.join(URL_FIELDS)}")
        if conversion or not _is_form_of(form, name):
            field = f"{{{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            raise ConfigError(
                f"{key} has {field}, whose format is not possible: times take the format of a number, as "
                "{start_seconds:06.0f} or {start_ms:08d}; ids take none"
            )
    if not {"video_id", "clip_id", "file"} & {name for name, _, _ in fields}:
        raise ConfigError(
            f"{key} {url!r} is the same for every clip: write {{video_id}} or {{clip_id}} into it; shards are named as "
            "file:///FOLDER/*.parquet (or *.tar), on the Hub as hf://datasets/OWNER/NAME/FOLDER/*.parquet"
        )


def fields_of(url: str, key: str) -> list[tuple[str, str | None, str | None]]:
    """List name, format and conversion of the fields of a template of addresses.

    Raises
    ------
    ConfigError
        If it is not a template.
    """
    try:
        found = string.Formatter().parse(url)
        return [(name, form, conversion) for _, name, form, conversion in found if name is not None]
    except ValueError as error:
        raise ConfigError(f"{key} {url!r} is not a template ({error}): write fields as {{video_id}}") from error


def _is_form_of(form: str | None, name: str) -> bool:
    """Whether a format specification such as ``06.0f`` fits a field of a template of addresses."""
    if not form:
        return True
    if not name.startswith(("start_", "end_")) or "{" in form:
        return False
    try:
        format(1 if name.endswith("_ms") else 1.0, form)
    except ValueError:
        return False
    return True
