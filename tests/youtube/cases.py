"""The cases of the imitation: what each client of a video answers, and the outcome that is expected.

An answer is one of

- ``ok``: the formats with their addresses
- ``sabr``, ``only playlist``, ``drm``, ``empty``: without addresses, without addresses but for the HLS playlist,
  protected, without formats
- ``STATUS: reason | details``: a playability status with YouTube's words
- ``live``, ``processing``, ``trailer``, ``premiere`` (with a trailer), ``another video``, ``broken`` (a field of the wrong type)
- a status code, one with ``retry SECONDS`` (the header Retry-After), ``hang``, ``drop`` (no answer), ``endless`` or ``html`` (a web page in place of JSON)

The words are those that users of yt-dlp report.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format of a video: its layout in :mod:`tests.youtube.media`, its sound track, and whether it has an address."""

    layout: str
    sound: str = "right"
    language: str = ""
    default: bool = False
    original: bool = False
    address: bool = True
    channels: int = 2
    drc: bool = False


@dataclass(frozen=True)
class Case:
    """A video.

    Attributes
    ----------
    outcome
        Expected outcome of its clip.
    page, tv, visionos, embedded
        Answers of the watch page and of the player API to each client.
    media
        Fault of the media, a word of :func:`tests.site.site.spoiled`, or a status code, ``hang``, ``drop``, ``html``,
        ``cut``, ``slow``, ``endless``, ``playlist STATUS``, ``no range``, or ``no size`` or ``no place``: a Content-Range without the size
        of the file or without any number.
    script
        Fault of the player script, one of those of media; with ``once`` behind it, of its first request only.
    dash
        Whether players name a DASH manifest too.
    challenge
        Whether addresses carry a signature and a parameter ``n`` that must be solved.
    ad_seconds
        Duration of an advertisement. Media are refused until it would have ended.
    note
        Text in the watch page.
    start_seconds
        Start of the labelled stretch of ten seconds.
    shift, most_shift
        How much later than the true sound the clip is, in samples at 44.1 kHz, and the largest difference from that.
    stated_seconds
        Duration that the site states; 0 for the true one.
    """

    name: str
    outcome: str
    page: str = "ok"
    tv: str = "ok"
    visionos: str = "ok"
    embedded: str = "ok"
    formats: tuple[Format, ...] = (Format("m4a"), Format("webm"), Format("mp4"), Format("hls"))
    media: str = ""
    script: str = ""
    dash: bool = False
    challenge: bool = False
    ad_seconds: int = 0
    note: str = ""
    start_seconds: float = 12.3
    shift: int = 0
    most_shift: int = 0
    stated_seconds: int = 0


def same(name: str, outcome: str, answer: str, **options: str) -> Case:
    """Return a case in which the page and all clients give the same answer."""
    return Case(name, outcome, answer, answer, answer, answer, **options)


def players(name: str, outcome: str, answer: str, **options: str) -> Case:
    """Return a case in which the page plays, and the player API gives the same answer to all clients."""
    return Case(name, outcome, "ok", answer, answer, answer, **options)


def media(name: str, outcome: str, fault: str) -> Case:
    """Return a case in which the address of the media has a fault."""
    return Case(name, outcome, media=fault)


def dub(name: str, *formats: Format) -> Case:
    """Return a case with several sound tracks."""
    return Case(name, "ok", formats=formats, most_shift=88 if formats[0].layout == "webm" else 0)


def script(fault: str, outcome: str) -> Case:
    """Return a case in which the player script has a fault and its challenges must be solved."""
    return Case(f"script {fault}", outcome, formats=(Format("m4a"),), challenge=True, script=fault)


TWO_MS = 88  # samples at 44.1 kHz
_EN, _DE = {"language": "en", "default": True, "original": True}, {"language": "de", "sound": "wrong"}

CASES = (
    # what is fetched
    Case("m4a", "ok", formats=(Format("m4a"),)),
    Case("webm", "ok", formats=(Format("webm"),), most_shift=TWO_MS),
    Case("webm from the start", "ok", formats=(Format("webm"),), start_seconds=0.0, most_shift=TWO_MS),
    Case("webm near a cue", "ok", formats=(Format("webm"),), start_seconds=20.5, most_shift=TWO_MS),
    Case("mp4 with a picture", "ok", formats=(Format("mp4"),)),
    Case("mp4 from the start", "ok", formats=(Format("mp4"),), start_seconds=0.0),
    Case("hls", "ok", formats=(Format("hls"),), most_shift=TWO_MS),
    Case("hls from the start", "ok", formats=(Format("hls"),), start_seconds=0.0, most_shift=TWO_MS),
    Case("hls of mp4 with priming", "ok", formats=(Format("hls_mp4"),)),
    Case("hls of mp4 from the start", "ok", formats=(Format("hls_mp4"),), start_seconds=0.0),
    # MPEG-TS does not say that its first 1,024 samples are priming
    Case("hls with priming", "ok", formats=(Format("hls_primed"),), shift=1024, most_shift=TWO_MS),
    Case("m4a from the start", "ok", start_seconds=0.0),
    Case("m4a to the end", "ok", start_seconds=30.0),
    Case("m4a over the end", "ok", start_seconds=34.5),
    Case("behind the end", "too_short", start_seconds=50.0),
    Case("behind the end of a playlist", "too_short", formats=(Format("hls"),), start_seconds=50.0),
    Case("a duration that is too short", "ok", stated_seconds=5),
    Case("a duration that is too short, webm", "ok", formats=(Format("webm"),), stated_seconds=5, most_shift=TWO_MS),
    Case("a duration that is too short, hls", "ok", formats=(Format("hls"),), stated_seconds=5, most_shift=TWO_MS),
    Case("signature and n", "ok", challenge=True),
    Case("n of a playlist", "ok", formats=(Format("hls"),), challenge=True, most_shift=TWO_MS),
    Case("after an advertisement", "ok", ad_seconds=2),
    # one client fails, another plays
    Case("tv without addresses", "ok", tv="sabr"),
    # yt-dlp takes the protected format of the first client for that of the second, but there is a playlist
    Case("tv protected", "ok", tv="drm", most_shift=TWO_MS),
    Case("no addresses, but a playlist", "ok", tv="sabr", visionos="only playlist", most_shift=TWO_MS),
    Case("tv refused", "ok", tv="403"),
    Case("tv answers html", "ok", tv="html"),
    Case("visionos fails", "ok", visionos="503"),
    Case("tv shows another video", "ok", tv="another video"),
    Case("page without player", "ok", page="html"),
    Case("age on tv, embedded plays", "ok", "LOGIN_REQUIRED: Sign in to confirm your age",
         tv="LOGIN_REQUIRED: Sign in to confirm your age", visionos="LOGIN_REQUIRED: Sign in to confirm your age"),
    Case("made for kids", "ok", tv="sabr", visionos="UNPLAYABLE: This video is not available", note="made for kids"),
    # sound tracks: the clip must have the original one
    dub("dub as well", Format("m4a", **_EN), Format("m4a", **_DE)),
    dub("dub first", Format("m4a", **_EN), Format("webm", **_DE), Format("m4a", **_DE)),
    dub("original only as opus", Format("webm", **_EN), Format("m4a", **_DE)),
    dub("original only in low quality", Format("low", **_EN), Format("m4a", **_DE)),
    dub("original in mono", Format("m4a", channels=1, **_EN), Format("m4a", channels=6, **_DE)),
    dub("compressed as well", Format("m4a"), Format("m4a", sound="wrong", drc=True)),
    Case("original only as playlist, dub by default", "ok", most_shift=TWO_MS, formats=(
        Format("m4a", language="de", sound="wrong", default=True),
        Format("webm", language="en", original=True, address=False), Format("hls", language="en"))),
    # dead videos
    same("private", "private", "LOGIN_REQUIRED: Private video | Sign in if you've been granted access to this video"),
    same("private 2", "private", "ERROR: This video is private"),
    same("removed", "removed", "ERROR: Video unavailable | This video has been removed by the uploader"),
    same("removed, terms", "removed",
         "ERROR: This video has been removed for violating YouTube's Terms of Service"),
    same("terminated", "terminated",
         "ERROR: Video unavailable | This video is no longer available because the YouTube account associated with "
         "this video has been terminated."),
    same("account closed", "terminated",
         "ERROR: Video unavailable | This video is no longer available because the uploader has closed their YouTube "
         "account."),
    same("copyright", "copyright",
         "UNPLAYABLE: Video unavailable | This video contains content from A, who has blocked it on copyright grounds"),
    same("copyright claim", "copyright",
         "ERROR: Video unavailable | This video is no longer available due to a copyright claim by A"),
    same("copyright here", "copyright",
         "UNPLAYABLE: Video unavailable | This video contains content from A, who has blocked it in your country on "
         "copyright grounds"),
    same("country", "geo_blocked",
         "UNPLAYABLE: Video unavailable | The uploader has not made this video available in your country"),
    same("legal complaint", "geo_blocked",
         "UNPLAYABLE: Video unavailable | This content is not available on this country domain due to a legal "
         "complaint from the government."),
    same("legal complaint 2", "geo_blocked",
         "UNPLAYABLE: Video unavailable | This content is not available on this country domain due to a defamation "
         "complaint."),
    same("age", "age_restricted",
         "LOGIN_REQUIRED: Sign in to confirm your age | This video may be inappropriate for some users."),
    same("age 2", "age_restricted", "UNPLAYABLE: This video is age-restricted and only available on YouTube"),
    same("members", "members_only",
         "UNPLAYABLE: Join this channel to get access to members-only content like this video, and other exclusive "
         "perks."),
    same("members 2", "members_only",
         "UNPLAYABLE: This video is available to this channel's members on level: Gold (or any higher level)."),
    same("premium", "members_only", "UNPLAYABLE: This video is only available to Music Premium members"),
    same("payment", "members_only", "UNPLAYABLE: This video requires payment to watch."),
    Case("trailer", "members_only", page="trailer", tv="trailer", visionos="trailer"),
    same("unavailable", "unavailable", "ERROR: Video unavailable"),
    same("not available", "unavailable", "ERROR: This video is not available"),
    players("not available to players", "unavailable", "UNPLAYABLE: This video is not available"),
    same("unavailable 2", "unavailable", "ERROR: This video isn't available anymore"),
    Case("unavailable to two players", "unavailable", tv="ERROR: This video is unavailable",
         visionos="ERROR: This video is unavailable"),
    # one client alone says so, or others are refused
    players("removed, but the page plays", "unavailable", "ERROR: This video has been removed by the uploader"),
    Case("private on tv, but the page plays", "unavailable", tv="LOGIN_REQUIRED: Private video", visionos="sabr"),
    Case("page 429, players unavailable", "rate_limited", "429", tv="ERROR: Video unavailable",
         visionos="ERROR: Video unavailable"),
    Case("page 403, players unavailable", "forbidden", "403", tv="ERROR: Video unavailable",
         visionos="ERROR: Video unavailable"),
    Case("page hangs, players unavailable", "timeout", "hang", tv="ERROR: Video unavailable",
         visionos="ERROR: Video unavailable"),
    Case("page 429, players private", "private", "429", tv="LOGIN_REQUIRED: Private video",
         visionos="LOGIN_REQUIRED: Private video"),
    Case("page and visionos 429, tv private", "rate_limited", "429", tv="LOGIN_REQUIRED: Private video",
         visionos="429"),
    # live
    same("live", "unavailable", "live"),
    same("processing", "unrecognised", "processing"),
    same("premiere", "unrecognised", "LIVE_STREAM_OFFLINE: Premieres in 5 hours"),
    same("premiere with a trailer", "unrecognised", "premiere"),
    same("live event", "unrecognised", "LIVE_STREAM_OFFLINE: This live event will begin in 3 days."),

    # the source refuses this client
    same("bot check", "bot_check",
         "LOGIN_REQUIRED: Sign in to confirm you’re not a bot | This helps protect our community."),
    Case("bot check of the players", "bot_check", tv="LOGIN_REQUIRED: Sign in to confirm you're not a bot",
         visionos="LOGIN_REQUIRED: Sign in to confirm you're not a bot"),
    same("rate limit", "rate_limited", "UNPLAYABLE: Video unavailable | This content isn't available, try again later."),
    same("page and players 429", "rate_limited", "429"),
    same("page and players 403", "forbidden", "403"),
    players("players 403", "forbidden", "403"),
    players("players 429", "rate_limited", "429"),
    Case("one player 429, the other without addresses", "rate_limited", tv="429", visionos="sabr"),
    same("all show another video", "forbidden", "another video"),
    # the source fails
    same("page and players 503", "server_error", "503"),
    same("page and players drop", "network", "drop"),
    same("page and players hang", "timeout", "hang"),
    players("players 503", "server_error", "503"),
    players("players 400", "no_formats", "400"),
    players("players drop", "network", "drop"),
    players("players hang", "timeout", "hang"),
    players("players answer html", "no_formats", "html"),
    # plays, but not for us
    players("no addresses", "no_formats", "sabr"),
    players("protected", "no_formats", "drm"),
    players("no formats", "no_formats", "empty"),
    players("reload", "no_formats", "UNPLAYABLE: The page needs to be reloaded."),
    players("not on this app", "no_formats",
            "UNPLAYABLE: The following content is not available on this app.. Watch on the latest version of YouTube."),
    same("a field of the wrong type", "unrecognised", "broken"),
    same("words that nobody knows", "unrecognised", "ERROR: The moon is in the way"),
    Case("playlist 403", "forbidden", formats=(Format("hls"),), media="playlist 403"),
    Case("playlist 429", "rate_limited", formats=(Format("hls"),), media="playlist 429"),
    Case("playlist 503", "server_error", formats=(Format("hls"),), media="playlist 503"),
    Case("playlist without end", "server_error", formats=(Format("hls"),), media="playlist endless"),
    Case("a direct address and a DASH manifest", "ok", formats=(Format("m4a"),), dash=True),
    Case("only a DASH manifest", "server_error", formats=(), dash=True),
    # answers without end
    Case("page without end", "server_error", "endless"),
    same("page and players without end", "server_error", "endless"),
    players("players without end", "server_error", "endless"),
    # the player script fails
    script("404", "server_error"),
    script("403", "forbidden"),
    script("429", "rate_limited"),
    script("500", "server_error"),
    script("drop", "network"),
    script("hang", "timeout"),
    script("cut", "network"),
    script("endless", "server_error"),
    script("html", "no_formats"),
    script("empty", "no_formats"),
    script("truncated", "no_formats"),
    # the address of the media fails
    media("media 403", "forbidden", "403"),
    media("media 429", "rate_limited", "429"),
    media("media 404", "server_error", "404"),
    media("media 503", "server_error", "503"),
    media("media drop", "network", "drop"),
    media("media hang", "timeout", "hang"),
    media("media cut", "network", "cut"),
    media("media empty", "server_error", "empty"),
    media("media are a page", "server_error", "html"),
    media("media truncated", "corrupt", "truncated"),
    media("media slow", "ok", "slow"),
    media("media without ranges", "ok", "no range"),
    media("ranges without a size", "ok", "no size"),
    media("ranges without a place", "ok", "no place"),
)  # fmt: skip
