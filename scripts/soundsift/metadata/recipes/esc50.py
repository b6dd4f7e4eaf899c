"""ESC-50: 2,000 recordings of five seconds in 50 classes and five folds."""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="ESC-50",
    page="https://github.com/karolpiczak/ESC-50",
    header=("filename", "fold", "target", "category", "esc10"),
    columns={"file": "filename", "labels": "category", "fold": "fold"},
    label_separator="",
    media="../audio/{file}",
    licence="CC BY-NC 3.0",
    citation="Piczak, ESC: Dataset for environmental sound classification, ACM Multimedia 2015",
)
