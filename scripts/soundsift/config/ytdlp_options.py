"""The options of yt-dlp that ``download.yt_dlp`` may not contain.

Sections are not fetched by yt-dlp's downloaders, and no post-processor runs, so options of these would be ignored.
"""

# {option: what to use instead}
_SET_BY_WORKFLOW = dict.fromkeys(
    ("outtmpl", "paths", "logger", "download_ranges", "match_filter", "simulate", "skip_download", "noplaylist",
     "noprogress", "overwrites", "ignoreerrors", "ignore_no_formats_error", "extract_flat", "progress_hooks",
     "post_hooks", "postprocessor_hooks"), ""
)  # fmt: skip
_WITHOUT_EFFECT = {
    **dict.fromkeys(
        ("retries", "fragment_retries", "file_access_retries", "retry_sleep_functions"), "use download.tries"
    ),
    **dict.fromkeys(("max_filesize", "min_filesize"), "use download.max_megabytes"),
    "concurrent_fragment_downloads": "use download.concurrency",
    "throttledratelimit": "use download.timeout_seconds",
    **dict.fromkeys(
        ("external_downloader", "external_downloader_args", "ffmpeg_location", "fixup", "postprocessors",
         "postprocessor_args", "merge_output_format", "final_ext", "keepvideo", "keep_fragments", "hls_prefer_native",
         "hls_use_mpegts", "force_keyframes_at_cuts", "http_chunk_size", "buffersize", "noresizebuffer", "continuedl",
         "skip_unavailable_fragments", "nopart", "updatetime", "test", "wait_for_video", "live_from_start",
         "max_downloads", "download_archive", "force_write_download_archive", "break_on_existing", "break_on_reject",
         "break_per_url", "matchtitle", "rejecttitle", "min_views", "max_views", "daterange", "playlist_items",
         "playliststart", "playlistend", "playlistreverse", "playlistrandom", "lazy_playlist",
         "skip_playlist_after_errors", "writesubtitles", "writeautomaticsub", "allsubtitles", "subtitleslangs",
         "subtitlesformat", "sleep_interval_subtitles", "writethumbnail", "write_all_thumbnails", "writedescription",
         "writeinfojson", "writelink", "writeurllink", "writewebloclink", "writedesktoplink", "getcomments",
         "listformats", "listsubtitles", "list_thumbnails", "forceprint", "print_to_file", "dump_single_json",
         "forcejson", "forceurl", "forcetitle", "forceid", "allow_multiple_audio_streams",
         "allow_multiple_video_streams", "restrictfilenames", "windowsfilenames", "trim_file_name"), ""
    ),
}  # fmt: skip
REFUSED = frozenset(_SET_BY_WORKFLOW) | frozenset(_WITHOUT_EFFECT)


def refusal(name: str) -> str:
    """Say why an option of :data:`REFUSED` may not be given, and what to do."""
    if name in _SET_BY_WORKFLOW:
        return f"download.yt_dlp.{name} is set by the workflow: remove it"
    instead = _WITHOUT_EFFECT[name]
    return f"download.yt_dlp.{name} has no effect on how media are fetched here: {instead or 'remove it'}"
