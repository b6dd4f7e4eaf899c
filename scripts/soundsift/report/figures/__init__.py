"""Figures, by subject."""
