"""Key ``detectors``: the classes of sounds that are detected."""

from typing import Annotated, NotRequired

from annotated_types import MinLen
from typing_extensions import TypedDict  # pydantic accepts typing.TypedDict only from Python 3.12 on

from soundsift.config.constraints import Name

# made by a call, because "except" is a keyword of Python and cannot be an attribute of a class
DetectorClasses = TypedDict(
    "DetectorClasses", {"classes": Annotated[list[str], MinLen(1)], "except": NotRequired[list[str]]}
)
Detectors = Annotated[
    dict[Annotated[str, Name()], Annotated[list[str], MinLen(1)] | DetectorClasses],
    MinLen(1),
]
