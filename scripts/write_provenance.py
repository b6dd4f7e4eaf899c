"""Say from which lists, with which tools and by which configuration a run's results were made."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

import pyarrow.parquet as pq

from soundsift import provenance
from soundsift.frames import definition_of
from soundsift.joblog import job_log
from soundsift.pages import write_page


def write_provenance(tables: Mapping[str, Path], features: Path, config: str, page: Path) -> None:
    """Write the page."""
    parts = [
        ("Lists and tables of labels", provenance.tables_read(tables)),
        ("Tools", provenance.tools()),
        ("Features were made with", provenance.definition(definition_of(pq.read_schema(features)))),
        ("Settled configuration", f'<pre tabindex="0">{escape(config)}</pre>'),
    ]
    write_page("Provenance", parts, page)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        write_provenance(
            tables=dict(zip(snakemake.params.names, map(Path, snakemake.input.tables), strict=True)),
            features=Path(snakemake.input.features),
            config=snakemake.params.config,
            page=Path(snakemake.output.page),
        )
