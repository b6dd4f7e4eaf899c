"""The part of a timeline's width that its time axis covers; the page places the playback cursor by it."""

# left and right end, as shares of the width, 0 to 1
TIMELINE_SPAN = (0.09, 0.985)
