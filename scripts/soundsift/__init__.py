"""Pure functions behind the workflow: every step's science, none of Snakemake."""
