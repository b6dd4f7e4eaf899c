"""AudioSet's strong labels: the sound events of a segment, one per line."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="AudioSet, strong labels",
    page="https://research.google.com/audioset/download_strong.html",
    header=("segment_id", "start_time_seconds", "end_time_seconds", "label"),
    columns={
        "segment_id": "segment_id",
        "start_seconds": "start_time_seconds",
        "end_seconds": "end_time_seconds",
        "labels": "label",
    },
    licence="CC BY 4.0",
    citation="Hershey et al., The benefit of temporally-strong labels in audio event classification, ICASSP 2021",
)
