"""From a wanted clip to its sound: the archive, sources, downloading and cutting."""
