"""The kinds of sources, and how an address selects one."""

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.config.sources import is_sharded
from soundsift.media.sources.base import Source
from soundsift.media.sources.files import FileSource
from soundsift.media.sources.shards import ShardSource
from soundsift.media.sources.ytdlp import YtDlpSource

# {scheme of download.url: source that serves it}. The schemes are also in config/sources.py.
KINDS: dict[str, type[Source]] = {
    "file": FileSource,
    "http": YtDlpSource,
    "https": YtDlpSource,
    "hf": ShardSource,
}


def open_source(params: SourceParams, policy: RequestPolicy) -> Source:
    """Open the source that serves ``params.url``; it must be closed after use.

    The configuration has checked the scheme of the address.
    """
    if is_sharded(params.url):
        return ShardSource(params, policy)
    return KINDS[params.url.partition("://")[0]](params, policy)
