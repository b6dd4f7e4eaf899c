"""The content of ``pace.json``, which all jobs on an archive share: answers and blocks, by host and client."""

import json
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from soundsift.errors import InputError

STATE_FILE = "pace.json"
# Upper limit of a block, whatever a server asks for. A later end comes from a wrong clock and is ignored.
LONGEST_BLOCK_SECONDS = 24 * 3600.0
# No answer counts for longer, however low the rate is.
LONGEST_MEMORY_SECONDS = 30 * 24 * 3600.0


@dataclass
class Answers:
    """What a host answered to a client since it last sent media: clip ids with times in seconds since 1970."""

    refused_at: dict[str, float] = field(default_factory=dict)
    no_formats_at: dict[str, float] = field(default_factory=dict)
    unrecognised_at: dict[str, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    blocked_reason: str = ""

    def forget_clips(self) -> None:
        """Start counting anew."""
        self.refused_at, self.no_formats_at, self.unrecognised_at = {}, {}, {}

    def prune(self, memory_seconds: float) -> None:
        """Forget the clips that were answered longer ago, and a block that has ended."""
        for clips in (self.refused_at, self.no_formats_at, self.unrecognised_at):
            for old in [one for one, when in clips.items() if abs(time.time() - when) > memory_seconds]:
                del clips[old]
        if not self.is_blocked:
            self.blocked_until, self.blocked_reason = 0.0, ""

    def block(self, reason: str, seconds: float) -> None:
        """Block requests, for one day at most, and start counting anew."""
        self.forget_clips()
        self.blocked_until = time.time() + min(seconds, LONGEST_BLOCK_SECONDS)
        self.blocked_reason = reason

    @property
    def is_blocked(self) -> bool:
        """Whether a block holds now."""
        return 0 < self.blocked_until - time.time() <= LONGEST_BLOCK_SECONDS


@dataclass
class State:
    """The time of the next request, in seconds since 1970, and the answers by host and client."""

    next_turn: float = 0.0
    answers: dict[str, Answers] = field(default_factory=dict)


def read_state(root: Path) -> State:
    """Read the state of an archive; a file that is missing or damaged counts as the initial state."""
    path = root / STATE_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        answers = {key: Answers(**_known(Answers, one)) for key, one in found.get("answers", {}).items()}
        state = State(float(found.get("next_turn", 0.0)), answers)
        for one in answers.values():
            float(one.blocked_until)
            sum(sum(clips.values()) for clips in (one.refused_at, one.no_formats_at, one.unrecognised_at))
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read: put all users of the archive into its group, with umask 002"
        ) from error
    except (OSError, ValueError, TypeError, AttributeError):
        return State()
    return state


def _known(kind: type[Answers], found: dict[str, Any]) -> dict[str, Any]:
    """Leave out the fields of other versions."""
    return {f.name: found[f.name] for f in fields(kind) if f.name in found}


def blocks(root: Path) -> list[tuple[str, float, str]]:
    """Read the blocks of an archive: (host, end in seconds since 1970, reason). Nothing is written or locked."""
    state = read_state(root)
    return sorted(
        (key.partition(" ")[0], one.blocked_until, one.blocked_reason)
        for key, one in state.answers.items()
        if one.is_blocked
    )
