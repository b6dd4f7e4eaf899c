"""The table of augmented versions of all training clips, with their videos and truth."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.errors import InputError
from soundsift.features.augmented_columns import VERSION_COLUMNS
from soundsift.features.growing_parquet import GrowingParquet
from soundsift.features.sequence import SEQUENCE_COLUMN
from soundsift.files import whole_file
from soundsift.tables import Column, read_parquet, read_schema, schema_of, side_by_side

# Share of the clips that may be alone in their batch without a warning.
FEW_ALONE = 0.1

VIDEO_COLUMNS = (
    Column("video_id", pa.string(), "", "the clip's video"),
    Column("partner_video_id", pa.string(), "", "the video of the mixed-in clip, null for none"),
)


def merge(features: Path, augmented: Sequence[Path], path: Path) -> int:
    """Write the augmented versions of all clips with their truth.

    The truth of a mixture follows from its two clips: a class is present if it is present in one of them, absent if it
    is absent in both, and unknown otherwise. A version is left out if its clip or its mixed-in clip is not in the
    features table. A warning is logged if many clips are alone in their batch, so that nothing could be mixed in.

    Parameters
    ----------
    features
        The merged features table.
    augmented
        One file per batch, named like the batch.

    Returns
    -------
    Number of versions written.

    Raises
    ------
    InputError
        If the versions and the features table have different definitions.
    """
    schema = read_schema(features)
    truths = [name for name in schema.names if name.startswith("is_")]
    clips = pq.read_table(features, columns=["clip_id", "video_id", "batch", *truths], partitioning=None)
    runs = pc.run_end_encode(clips["batch"].combine_chunks())
    ends = dict(zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True))
    starts = dict(zip(ends, [0, *ends.values()], strict=False))
    n_versions = n_clips = n_alone = 0
    with whole_file(path) as part, GrowingParquet(part) as rows:
        for of_batch in augmented:
            table, batch = read_parquet(of_batch, without=[SEQUENCE_COLUMN.name]), of_batch.stem
            n_in_batch = len(table["clip_id"].unique())
            n_clips, n_alone = n_clips + n_in_batch, n_alone + (n_in_batch == 1)
            of_clips = clips.slice(starts.get(batch, 0), ends.get(batch, 0) - starts.get(batch, 0))
            position = pc.index_in(table["clip_id"].combine_chunks(), of_clips["clip_id"].combine_chunks())
            partner_position = pc.index_in(table["partner"].combine_chunks(), of_clips["clip_id"].combine_chunks())
            known = pc.and_(
                position.is_valid(), pc.or_(partner_position.is_valid(), table["partner"].combine_chunks().is_null())
            )
            table, position, partner_position = (
                table.filter(known),
                position.filter(known),
                partner_position.filter(known),
            )
            if not table.num_rows:
                continue
            if table.schema.metadata != schema.metadata:
                raise InputError(
                    f"{of_batch} was made with other parameters than {features}: "
                    "run again with --forcerun augment_clips"
                )
            front = [(c, table[c.name]) for c in VERSION_COLUMNS]
            front += [
                (c, of_clips["video_id"].take(at))
                for c, at in zip(VIDEO_COLUMNS, (position, partner_position), strict=True)
            ]
            alone = partner_position.is_null()
            for name in truths:
                either = pc.or_kleene(of_clips[name].take(position), of_clips[name].take(partner_position))
                meaning = f"is {name.removeprefix('is_')} present? null: unknown"
                front.append(
                    (Column(name, pa.bool_(), "", meaning), pc.if_else(alone, of_clips[name].take(position), either))
                )
            left = pa.table([values for _, values in front], schema=schema_of([c for c, _ in front]))
            rows.append(side_by_side(left, table.drop_columns([c.name for c in VERSION_COLUMNS])))
            n_versions += table.num_rows
        if not n_versions:
            empty = {c.name: pa.array([], c.type) for c in (*VERSION_COLUMNS, *VIDEO_COLUMNS)}
            rows.append(pa.table(empty | {name: pa.array([], pa.bool_()) for name in truths}))
    if n_alone > FEW_ALONE * n_clips:
        logging.getLogger("soundsift").warning(
            "%d of %d training clips have no clip mixed in, because they are alone in their batch: raise batch_size",
            n_alone, n_clips,
        )  # fmt: skip
    return n_versions
