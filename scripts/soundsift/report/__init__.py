"""Pages, figures and texts of the report."""
