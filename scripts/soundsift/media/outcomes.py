"""The words for what became of a wanted clip: what each means and what a user can do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """A word for what became of a clip, and what a user can do about it.

    ``kind`` is ``kept`` (there is a clip), ``permanent`` (never asked again), ``transient`` (asked again) or
    ``open`` (nobody knows yet: kept with its full text, asked again whenever the batch runs).
    """

    kind: str
    meaning: str
    advice: str


_GONE = "nothing: it is gone"
_BACK = "retry_permanent asks whether it is back"
_SLOWER = "wait; lower videos_per_hour; another proxy; cookies"
_AGAIN = "run the same command again"

OUTCOMES: dict[str, Outcome] = {
    "ok": Outcome("kept", "the labelled stretch is there", ""),
    "silent": Outcome("kept", "there, but no sample is louder than -60 dBFS", "listen to the clip"),
    "private": Outcome("permanent", "the uploader made the video private", _BACK),
    "removed": Outcome("permanent", "the uploader or the site removed the video", _GONE),
    "terminated": Outcome("permanent", "the uploader's account was closed", _GONE),
    "copyright": Outcome("permanent", "blocked by a copyright claim", _BACK),
    "geo_blocked": Outcome("permanent", "not offered in this country", "a proxy elsewhere, with retry_permanent"),
    "age_restricted": Outcome("permanent", "needs an account that is of age", "cookies, with retry_permanent"),
    "members_only": Outcome("permanent", "for members of the channel", "a member's cookies, with retry_permanent"),
    "unavailable": Outcome(
        "permanent", "the site says the video is unavailable and no more, or it is too large",
        "the reason says which; max_megabytes for what is too large, else " + _BACK,
    ),
    "not_found": Outcome("permanent", "no such address (404 or 410) or no such file", "check download.url; " + _BACK),
    "no_audio": Outcome("permanent", "the media have no sound stream", _GONE),
    "too_short": Outcome("permanent", "less than clips.min_seconds of the labelled stretch exist", "clips.min_seconds"),
    "corrupt": Outcome("permanent", "the answer is no media or cannot be decoded, after one more try", _BACK),
    "rate_limited": Outcome("transient", "too many requests (429, or YouTube's own words for it)", _SLOWER),
    "bot_check": Outcome("transient", "asked to prove not to be a bot", _SLOWER),
    "forbidden": Outcome("transient", "refused (403), or no player gets an answer", "the newest yt-dlp; " + _SLOWER),
    "server_error": Outcome("transient", "the server failed (5xx), or leads in a circle", _AGAIN),
    "network": Outcome("transient", "the connection failed or broke off", _AGAIN),
    "timeout": Outcome("transient", "no answer in time", _AGAIN + "; timeout_seconds"),
    "unrecognised": Outcome(
        "open", "an error nobody has classified yet; its text is the reason", "the newest yt-dlp; report the text"
    ),
}  # fmt: skip

PERMANENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "permanent")
TRANSIENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "transient")
# Answers that mean the asker is no longer welcome, whatever the clip.
REFUSED = frozenset({"rate_limited", "bot_check", "forbidden"})
# What holds for every clip of a video, and not just for one stretch or answer.
OF_THE_VIDEO = PERMANENT - {"too_short", "corrupt"}
