"""VGGSound: ten seconds of videos with one label each; no header row."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="VGGSound",
    page="https://www.robots.ox.ac.uk/~vgg/data/vggsound/",
    header=("video_id", "start_seconds", "labels", "subset"),
    columns={"video_id": "video_id", "start_seconds": "start_seconds", "labels": "labels", "subset": "subset"},
    has_header=False,
    seconds=10.0,
    label_separator="",
    licence="CC BY 4.0",
    citation="Chen et al., VGGSound: A large-scale audio-visual dataset, ICASSP 2020",
)
