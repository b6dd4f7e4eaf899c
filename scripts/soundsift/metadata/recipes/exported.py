"""The list of an export, ``results/export/clips.csv``: clips that this workflow has made."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="Export of soundsift",
    page="",
    header=("clip_id", "video_id", "start_seconds", "end_seconds", "split", "labels", "label_ids"),
    columns={
        "clip_id": "clip_id", "video_id": "video_id", "file": "file", "start_seconds": "start_seconds",
        "end_seconds": "end_seconds", "labels": "labels", "fold": "split",
    },
    label_ids="label_ids",
    licence="that of the exported clips",
    citation="the list that the clips are from",
)  # fmt: skip
