"""Options for ``YoutubeDL``: our own, and the check of the user's.

yt-dlp's Python interface checks neither names nor types. A wrong type would be an error at every clip.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yt_dlp
from yt_dlp.options import create_parser

from soundsift.config.ytdlp_options import REFUSED, refusal

SOCKET_TIMEOUT_SECONDS = 20.0
DEFAULTS: dict[str, Any] = {
    # the original sound track before dubs; then AAC, because Opus in WebM has time stamps of whole milliseconds
    "format": "bestaudio/best",
    "format_sort": ["lang", "aext"],
    "socket_timeout": SOCKET_TIMEOUT_SECONDS,
    "extractor_retries": 0,
    "color": "no_color",
}
# Options that the workflow relies on.
OURS: dict[str, Any] = {
    "noplaylist": True,
    "noprogress": True,
    "overwrites": True,
    "ignoreerrors": False,
    "retries": 0,
    "fragment_retries": 0,
    "skip_unavailable_fragments": False,
    "continuedl": False,
    "hls_prefer_native": True,
    # a folder without ffmpeg
    "ffmpeg_location": str(Path(yt_dlp.__file__).parent),
    "fixup": "never",
}
_NUMBER, _TRUTH, _TEXT, _LIST, _MAPPING = "a number", "true or false", "text", "a list", "a mapping"
_TYPES: dict[str, type | tuple[type, ...]] = {
    _NUMBER: (int, float), _TRUTH: bool, _TEXT: str, _LIST: list, _MAPPING: dict,
}  # fmt: skip
# Options of which neither yt-dlp's defaults nor its command line tell the type.
_IN_PYTHON = {
    "ratelimit": _NUMBER, "cookiesfrombrowser": _LIST, "nocheckcertificate": _TRUTH, "legacyserverconnect": _TRUTH,
    "color": "", "impersonate": "", "check_formats": "", "compat_opts": _LIST,
}  # fmt: skip


def check_options(options: Mapping[str, Any]) -> None:
    """Check the names and types of a user's options.

    Raises
    ------
    ValueError
        If an option does not exist, is refused or has the wrong type.
    """
    if not options:
        return
    defaults, types = yt_dlp.parse_options([]).ydl_opts, _types_of_command_line()
    for name, value in options.items():
        if name in REFUSED:
            raise ValueError(refusal(name))
        if name not in defaults:
            raise ValueError(f"yt-dlp has no option {name}")
        kind = _IN_PYTHON.get(name, _type_of(defaults.get(name)) or types.get(name, ""))
        is_of_kind = not kind or (isinstance(value, _TYPES[kind]) and isinstance(value, bool) <= (kind == _TRUTH))
        # false turns off several options that are no truth values, such as cachedir
        if value is not None and value is not False and not is_of_kind:
            raise ValueError(f"{name} must be {kind}, got {value!r}")
    for site, arguments in (options.get("extractor_args") or {}).items():
        for name, value in arguments.items() if isinstance(arguments, dict) else [("name", arguments)]:
            if not isinstance(value, list):
                raise ValueError(f"extractor_args must be like {{{site}: {{{name}: [value]}}}}, got {value!r}")


def _type_of(default: Any) -> str:
    if isinstance(default, set | tuple):
        return _LIST
    return next((kind for kind in (_TRUTH, _NUMBER, _LIST, _MAPPING) if isinstance(default, _TYPES[kind])), "")


def _types_of_command_line() -> dict[str, str]:
    """Return {option: type} for the options that yt-dlp's command line stores as they are."""
    parser = create_parser()
    kinds = {"int": _NUMBER, "float": _NUMBER, "string": _TEXT}
    found = {}
    for option in [option for group in (parser, *parser.option_groups) for option in group.option_list]:
        if option.action == "store" and option.type in kinds:
            found[option.dest] = kinds[option.type]
        elif option.action == "store_true":
            found.setdefault(option.dest, _TRUTH)
    return found
