"""AudioSet's segment lists: ten seconds of videos with labels from an ontology."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="AudioSet",
    page="https://research.google.com/audioset/download.html",
    header=("ytid", "start_seconds", "end_seconds", "positive_labels"),
    columns={
        "video_id": "ytid",
        "start_seconds": "start_seconds",
        "end_seconds": "end_seconds",
        "labels": "positive_labels",
    },
    licence="CC BY 4.0",
    citation="Gemmeke et al., Audio Set: An ontology and human-labeled dataset for audio events, ICASSP 2017",
)
