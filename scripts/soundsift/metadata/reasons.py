"""Why a row of a list is not a wanted clip."""

# Reasons for which a row of a list is not selected, in the order of the checks. The code of a reason is its position.
REASONS = {
    "kept": "the row was selected",
    "beyond_max_clips": "the row is beyond the first metadata.max_clips rows of its list",
    "repeated": "an earlier row has the same clip; the labels of this row were added to it",
    "inaccurate": "no label of the row passes metadata.min_label_accuracy",
    "eval_video": "another segment of the video is in the eval list",
    "unreadable_file": "the file of the row is missing or cannot be decoded, so its duration is not known",
    "not_chosen": "metadata.per_detector did not select the row",
}
KEPT, BEYOND, REPEATED, INACCURATE, EVAL_VIDEO, UNREADABLE, NOT_CHOSEN = range(len(REASONS))
