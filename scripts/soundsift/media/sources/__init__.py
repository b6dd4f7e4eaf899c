"""Sources of media, one module per kind. :mod:`soundsift.media.sources.base` defines their interface."""
