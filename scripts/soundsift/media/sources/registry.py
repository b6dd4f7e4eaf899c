"""The kinds of sources, and how an address selects one."""

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import ConfigError
from soundsift.media.sources.base import Source
from soundsift.media.sources.files import FileSource
from soundsift.media.sources.ytdlp import YtDlpSource

# URL scheme of download.url: the source that serves it.
KINDS: dict[str, type[Source]] = {
    "file": FileSource,
    "http": YtDlpSource,
    "https": YtDlpSource,
}


def open_source(params: SourceParams, policy: RequestPolicy) -> Source:
    """Open the source that serves ``params.url``; it must be closed after use.

    Raises
    ------
    ConfigError
        If no source serves the scheme of the address.
    """
    scheme = params.url.partition("://")[0]
    if scheme not in KINDS:
        known = ", ".join(f"{name}://" for name in KINDS)
        raise ConfigError(f"download.url {params.url!r} has no known scheme: begin it with one of {known}")
    return KINDS[scheme](params, policy)
