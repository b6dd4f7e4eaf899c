"""Sources: clips of one file, and of one group of files, which are kept together when data are split."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from soundsift.arrays import Int64Array

# Names of groups in the common name of joined groups.
MOST_NAMES = 3


def connected(videos: pa.Array, groups: pa.Array) -> Int64Array:
    """Number the sources of clips.

    Clips are of one source if they share a video or a group, and so are clips that are connected by others.

    Parameters
    ----------
    videos, groups
        Of each clip.

    Returns
    -------
    Shape (n,), numbers from 0 in the order in which the videos appear.
    """
    (n_videos, video), (n_groups, group) = (
        (len(one.dictionary), one.indices.to_numpy())
        for one in (videos.dictionary_encode(), groups.dictionary_encode())
    )
    n = n_videos + n_groups
    links = coo_array((np.ones(len(video), dtype=bool), (video, n_videos + group)), shape=(n, n))
    _, source = connected_components(links, directed=False)
    return np.asarray(source[video], dtype=np.int64)


def joined(clips: pa.Array, groups: pa.Array) -> pa.Array:
    """Give the groups that rows of one clip have a common name, such as ``ann + bob``.

    Parameters
    ----------
    clips, groups
        Of each row; several rows may be of one clip.

    Returns
    -------
    The group of each row, as it is if no clip has another group too.
    """
    pairs = pa.table({"source": connected(clips, groups), "group": groups})
    of_source = pairs.group_by(["source", "group"]).aggregate([]).sort_by("group")
    of_source = of_source.group_by("source", use_threads=False).aggregate([("group", "list")]).sort_by("source")
    # sources are numbered from 0
    names = pc.binary_join(pc.list_slice(of_source["group_list"].combine_chunks(), 0, MOST_NAMES), " + ")
    return names.take(pairs["source"].combine_chunks())
