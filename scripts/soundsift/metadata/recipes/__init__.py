"""Published lists, one module each."""

from soundsift.metadata.recipe import Recipe
from soundsift.metadata.recipes import (
    audiocaps,
    audioset,
    audioset_strong,
    esc50,
    exported,
    fsd50k,
    musiccaps,
    urbansound8k,
    vggsound,
)

RECIPES: tuple[Recipe, ...] = (
    audioset.RECIPE,
    audioset_strong.RECIPE,
    vggsound.RECIPE,
    audiocaps.RECIPE,
    musiccaps.RECIPE,
    esc50.RECIPE,
    urbansound8k.RECIPE,
    fsd50k.RECIPE,
    exported.RECIPE,
)
