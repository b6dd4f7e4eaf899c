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


_GONE = "nothing: it is gone"
_BACK = "retry_permanent checks whether it is available again"
_SLOWER = "wait; lower videos_per_hour; another proxy; cookies"
_AGAIN = "run the same command again"

OUTCOMES: dict[str, Outcome] = {
    "ok": Outcome("kept", "the labelled stretch is available", ""),
    "silent": Outcome("kept", "available, but no sample is louder than -60 dBFS", "listen to the clip"),
    "private": Outcome("permanent", "the uploader made the video private", _BACK),
    "removed": Outcome("permanent", "the uploader or the site removed the video", _GONE),
    "terminated": Outcome("permanent", "the uploader's account was closed", _GONE),
    "copyright": Outcome("permanent", "blocked by a copyright claim", _BACK),
    "geo_blocked": Outcome("permanent", "not offered in this country", "a proxy elsewhere, with retry_permanent"),
    "age_restricted": Outcome("permanent", "needs the account of an adult", "cookies, with retry_permanent"),
    "members_only": Outcome("permanent", "only for members of the channel", "a member's cookies, with retry_permanent"),
    "unavailable": Outcome(
        "permanent", "the site gives no other reason, or the file is too large",
        "see the reason; raise max_megabytes if the file is too large, else " + _BACK,
    ),
    "not_found": Outcome("permanent", "no such address (404 or 410) or no such file", "check download.url; " + _BACK),
    "no_audio": Outcome("permanent", "the media have no sound stream", _GONE),
    "too_short": Outcome("permanent", "less than clips.min_seconds of the labelled stretch exist", "clips.min_seconds"),
    "corrupt": Outcome("permanent", "the answer is not media or cannot be decoded, after a second try", _BACK),
    "rate_limited": Outcome("transient", "too many requests (429, or YouTube's message for it)", _SLOWER),
    "bot_check": Outcome("transient", "the site asks for proof that the client is not a bot", _SLOWER),
    "forbidden": Outcome("transient", "refused (403), or no player got an answer", "the newest yt-dlp; " + _SLOWER),
    "server_error": Outcome("transient", "the server failed (5xx) or redirects endlessly", _AGAIN),
    "network": Outcome("transient", "the connection failed or was interrupted", _AGAIN),
    "timeout": Outcome("transient", "no answer in time", _AGAIN + "; timeout_seconds"),
    "unrecognised": Outcome(
        "open", "an error that is not classified yet; its text is the reason", "the newest yt-dlp; report the text"
    ),
}  # fmt: skip

PERMANENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "permanent")
TRANSIENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "transient")
# Answers by which the source refuses this client, whatever the clip.
REFUSED = frozenset({"rate_limited", "bot_check", "forbidden"})
# Outcomes that hold for every clip of a video.
OF_THE_VIDEO = PERMANENT - {"too_short", "corrupt"}
