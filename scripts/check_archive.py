"""Compare every medium of the archive with its record, and report files without a record."""

import logging
from pathlib import Path

from soundsift.errors import InputError
from soundsift.joblog import job_log
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check

N_SHOWN = 20


def check_archive(archive: Path) -> str:
    """Check the archive and log every fault; if there are no faults, return the text to print.

    Raises
    ------
    InputError
        If there are faults. The message has their number and the first :data:`N_SHOWN` of them.
    """
    n_records, faults = check(Archive(archive))
    for fault in faults:
        logging.error("%s", fault)
    if faults:
        shown = "; ".join(faults[:N_SHOWN])
        raise InputError(
            f"the archive {archive} has {len(faults)} faults ({shown}): delete these files and run with "
            "--forcerun download_clips to fetch the wanted ones again"
        )
    return f"{n_records:,} records, every medium matches its checksum, and there are no other files"


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        print(check_archive(archive=Path(snakemake.params.archive)))
