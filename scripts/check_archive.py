"""Check every medium of the archive against its record, and report what belongs to none."""

import logging
from pathlib import Path

from soundsift.errors import InputError
from soundsift.joblog import job_log
from soundsift.media.archive import Archive

N_SHOWN = 20


def check_archive(archive: Path) -> str:
    """Return what to say of a sound archive; the log names every fault.

    Raises
    ------
    InputError
        With the number of faults and the first of them.
    """
    n_records, faults = Archive(archive).check()
    for fault in faults:
        logging.error("%s", fault)
    if faults:
        shown = "; ".join(faults[:N_SHOWN])
        raise InputError(
            f"the archive {archive} has {len(faults)} faults ({shown}): delete these files and run with "
            "--forcerun download_clips to fetch what is wanted of them again"
        )
    return f"{n_records:,} records, every medium is as it was written, and nothing else is there"


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        print(check_archive(archive=Path(snakemake.params.archive)))
