"""UrbanSound8K: 8,732 slices of up to four seconds in ten classes and ten folds.

The columns ``start`` and ``end`` are times in the recording that the slice was taken from, so each file is one clip.
"""

from soundsift.metadata.recipe import Recipe

RECIPE = Recipe(
    name="UrbanSound8K",
    page="https://urbansounddataset.weebly.com/urbansound8k.html",
    header=("slice_file_name", "fsid", "start", "end", "salience", "fold", "classid", "class"),
    columns={"file": "slice_file_name", "labels": "class", "fold": "fold"},
    label_separator="",
    media="../audio/fold{fold}/{file}",
    licence="CC BY-NC 3.0",
    citation="Salamon, Jacoby and Bello, A dataset and taxonomy for urban sound research, ACM Multimedia 2014",
)
