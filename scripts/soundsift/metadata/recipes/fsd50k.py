"""FSD50K: 51,197 recordings with labels of AudioSet's ontology; ``dev.csv`` and ``eval.csv``."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="FSD50K",
    page="https://zenodo.org/records/4060432",
    header=("fname", "labels", "mids"),
    columns={"file": "fname", "labels": "labels"},
    label_ids="mids",
    media="../FSD50K.{list}_audio/{file}.wav",
    licence="CC BY 4.0; each recording has its own licence",
    citation="Fonseca et al., FSD50K: An open dataset of human-labeled sound events, IEEE/ACM TASLP 2022",
)
