"""AudioCaps: ten seconds of AudioSet's videos with a caption, which is taken as the label."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="AudioCaps",
    page="https://audiocaps.github.io/",
    header=("audiocap_id", "youtube_id", "start_time", "caption"),
    columns={"video_id": "youtube_id", "start_seconds": "start_time", "labels": "caption"},
    seconds=10.0,
    label_separator="",
    licence="academic use only",
    citation="Kim et al., AudioCaps: Generating captions for audios in the wild, NAACL-HLT 2019",
)
