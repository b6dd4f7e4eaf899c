"""MusicCaps: ten seconds of music from AudioSet's videos, with aspects, a caption and AudioSet's labels."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="MusicCaps",
    page="https://www.kaggle.com/datasets/googleai/musiccaps",
    header=("ytid", "start_s", "end_s", "audioset_positive_labels", "aspect_list"),
    columns={"video_id": "ytid", "start_seconds": "start_s", "end_seconds": "end_s", "labels": "aspect_list"},
    label_ids="audioset_positive_labels",
    licence="CC BY-SA 4.0",
    citation="Agostinelli et al., MusicLM: Generating music from text, 2023",
)
