"""The outcomes of wanted clips: what each means, and what a user can do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """An outcome.

    Attributes
    ----------
    kind
        ``kept`` (there is a clip), ``permanent`` (not requested again), ``transient`` (requested again) or ``open`` (an
        error that is not classified: recorded with its full text, requested again whenever the batch runs).
    """

    kind: str
    meaning: str
    advice: str


_GONE = "nothing: the video no longer exists"
_BACK = "retry_permanent checks whether it is available again"
_SLOWER = "wait; lower videos_per_hour; use another proxy or cookies"
_AGAIN = "run the same command again"

OUTCOMES: dict[str, Outcome] = {
    "ok": Outcome("kept", "the labelled segment is available", ""),
    "silent": Outcome("kept", "available, but no sample is louder than -60 dBFS", "listen to the clip"),
    "private": Outcome("permanent", "the uploader made the video private", _BACK),
    "removed": Outcome("permanent", "the uploader or the site removed the video", _GONE),
    "terminated": Outcome("permanent", "the uploader's account was closed", _GONE),
    "copyright": Outcome("permanent", "blocked by a copyright claim", _BACK),
    "geo_blocked": Outcome(
        "permanent", "not offered in this country", "use a proxy in another country, with retry_permanent"
    ),
    "age_restricted": Outcome(
        "permanent", "needs the account of an adult", "use cookies of such an account, with retry_permanent"
    ),
    "members_only": Outcome(
        "permanent", "only for members of the channel or of a subscription, or for buyers",
        "use the cookies of such an account, with retry_permanent",
    ),
    "unavailable": Outcome(
        "permanent",
        "the site says only that the video is unavailable, which becomes permanent when a later run hears it again; or "
        "it is a live stream; or the file is too large",
        "if the file is too large, raise max_megabytes; otherwise " + _BACK,
    ),
    "not_found": Outcome(
        "permanent",
        "no such address (404 or 410), no such file, or in no shard",
        "check download.url or sources; " + _BACK,
    ),
    "no_audio": Outcome("permanent", "the media have no sound stream", "nothing: the video has no sound"),
    "too_short": Outcome(
        "permanent", "less than clips.min_seconds of the labelled segment exist", "lower clips.min_seconds"
    ),
    "corrupt": Outcome("permanent", "the file is not media or cannot be decoded, also after a second download", _BACK),
    "rate_limited": Outcome("transient", "too many requests (429, or YouTube's message for it)", _SLOWER),
    "bot_check": Outcome("transient", "the site asks for proof that the client is not a bot", _SLOWER),
    "forbidden": Outcome(
        "transient", "the site refused the request (403), or refused every player client of yt-dlp",
        "on the Hub, accept the data set's conditions or set HF_TOKEN; otherwise update yt-dlp; " + _SLOWER,
    ),
    "server_error": Outcome(
        "transient", "the server failed (5xx), redirects endlessly, or sent nothing or a web page as media", _AGAIN
    ),
    "network": Outcome(
        "transient", "the connection failed or was interrupted, or the disk of the media is not mounted", _AGAIN
    ),
    "timeout": Outcome("transient", "no answer in time", _AGAIN + "; raise timeout_seconds"),
    "no_formats": Outcome(
        "transient", "the video's page plays, but no format was offered to this client that it can play",
        "update yt-dlp; " + _SLOWER,
    ),
    "unrecognised": Outcome(
        "open", "an error that is not classified yet; its text is the reason", "update yt-dlp; report the text"
    ),
}  # fmt: skip

PERMANENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "permanent")
TRANSIENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "transient")
# Answers by which the source refuses this client, whatever the clip.
REFUSED = frozenset({"rate_limited", "bot_check", "forbidden", "no_formats"})
# Answers after which the source is known to send media.
SENT_MEDIA = frozenset({"ok", "silent", "too_short", "no_audio"})
# Errors by which a whole job may fail although each of them may be about one video.
NOT_UNDERSTOOD = frozenset({"no_formats", "unrecognised"})
# Outcomes that hold for every clip of a video.
OF_THE_VIDEO = PERMANENT - {"too_short", "corrupt"}
