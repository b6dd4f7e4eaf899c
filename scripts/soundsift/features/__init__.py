"""From a clip to its row of the features table."""
