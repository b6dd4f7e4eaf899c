"""Lists, classes and what is true of a clip: which clips are wanted."""
