import errno

import pytest

from soundsift.media.sources.base import fill_template, is_about_storage, outcome_of
from tests.site.downloads import clip


def test_every_field_of_an_address_is_filled() -> None:
    template = "http://x/{video_id}/{clip_id}/{start_seconds}-{end_seconds}/{start_ms}-{end_ms}"
    assert fill_template(template, clip(1, 4.5)) == "http://x/-video00001/-video00001_4500/4.5-8.5/4500-8500"


@pytest.mark.parametrize(
    ("number", "outcome"),
    [(errno.ETIMEDOUT, "timeout"), (errno.ECONNRESET, "network"), (errno.ESTALE, "unrecognised")],
)
def test_a_system_error_of_one_clip_has_an_outcome_and_one_of_the_disk_has_none(number: int, outcome: str) -> None:
    error = OSError(number, "failed")
    assert not is_about_storage(error)
    assert outcome_of(error) == outcome
    assert is_about_storage(OSError(errno.ENOSPC, "No space left on device"))
