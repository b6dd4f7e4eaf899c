"""Segment lists, classes and labels: selects the clips and decides their truth for each detector."""
