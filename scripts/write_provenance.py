"""Record the lists, tools and configuration that a run's results were made with."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from soundsift.features.definition import definition_of
from soundsift.joblog import job_log
from soundsift.media.archive import Archive
from soundsift.report import provenance
from soundsift.report.page import write_page


def write_provenance(
    tables: Mapping[str, Path], coverage: Path, features: Path, archive: Path, config: str, page: Path
) -> None:
    """Write the page."""
    clip_ids = pq.read_table(coverage, columns=["clip_id"], partitioning=None)["clip_id"].to_pylist()
    sections = [
        ("Lists and label tables", provenance.tables_read(tables)),
        ("Tools", provenance.tools()),
        ("Clips by the tools of their last download attempt", provenance.fetched_with(Archive(archive), clip_ids)),
        ("Parameters of the features", provenance.definition(definition_of(pq.read_schema(features)))),
        ("Configuration with all defaults", provenance.configuration(config)),
    ]
    write_page("Provenance", sections, page)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        write_provenance(
            tables=dict(zip(snakemake.params.names, map(Path, snakemake.input.tables), strict=True)),
            coverage=Path(snakemake.input.coverage),
            features=Path(snakemake.input.features),
            archive=Path(snakemake.params.archive),
            config=snakemake.params.config,
            page=Path(snakemake.output.page),
        )
