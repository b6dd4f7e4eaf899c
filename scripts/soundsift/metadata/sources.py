"""Sources: clips of one file, and of one group of files, which are kept together when data are split."""

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from soundsift.arrays import Int64Array


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
