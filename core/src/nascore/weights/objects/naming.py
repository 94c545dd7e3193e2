"""What the objects of a store are called, and how the log says where tensors are.

::

    log/head.json                                   which log this is
    log/<number>.json                               what was done, an object each: the truth
    manifests/<checkpoint>.<place>.json             what a checkpoint consists of
    blobs/<first two digits>/<digest>.<place>.safetensors   one large tensor each, named "tensor" inside
    packs/<digest>.<place>.safetensors              small tensors of one commit, named by their digests inside

``place`` is drawn for each commit, so a name is never used twice: what a collection removes cannot be what a commit
brings back at the same moment. In the index, ``pack`` of a blob is the key of its object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nascore.errors import DataLossError, InvalidInputError
from nascore.weights.blob_rows import BlobRow
from nascore.weights.manifest import is_checkpoint, is_digest
from nascore.weights.packing import PACKED_BELOW, pack_rows
from nascore.weights.safetensors import blob_header
from nascore.weights.tensor import data_size

LOG = "log/"
HEAD = "log/head.json"
FOLDERS = ("manifests/", "blobs/", "packs/")
_SUFFIX = ".safetensors"


def record_key(seq: int) -> str:
    """Return the object of a record."""
    return f"{LOG}{seq:012}.json"


def manifest_key(checkpoint: str, place: str) -> str:
    """Return the object of a manifest.

    Raises:
        FileNotFoundError: ``checkpoint`` is no id of one.
    """
    if not is_checkpoint(checkpoint):
        raise FileNotFoundError(2, "no id of a checkpoint", checkpoint)
    return f"manifests/{checkpoint}.{place}.json"


def blob_key(digest: str, place: str) -> str:
    """Return the object of a large tensor."""
    return f"blobs/{digest[:2]}/{digest}.{place}{_SUFFIX}"


def pack_key(digest: str, place: str) -> str:
    """Return the object of small tensors."""
    return f"packs/{digest}.{place}{_SUFFIX}"


def digest_in(key: str) -> str:
    """Return the digest that an object of tensors is named by."""
    return key.rpartition("/")[2].partition(".")[0]


def loose_row(digest: str, dtype: str, shape: tuple[int, ...], *, place: str) -> BlobRow:
    """Return the row of a tensor that has an object of its own."""
    header = blob_header(dtype, shape)
    return BlobRow(digest, dtype, shape, data_size(dtype, shape), blob_key(digest, place), len(header))


def words_of(rows: Iterable[BlobRow]) -> tuple[str, ...]:
    """Return how the log says which tensors came with a commit: digest, element type and shape of each."""
    return tuple(f"{row.digest} {row.dtype} {','.join(map(str, row.shape))}" for row in rows)


def rows_of(words: Sequence[str], *, pack: str, place: str) -> list[BlobRow]:
    """Return where the tensors are that came with a commit.

    Raises:
        DataLossError: They are no words of a tensor.
    """
    try:
        tensors = dict(map(_tensor, words))
    except (ValueError, InvalidInputError) as fault:
        raise DataLossError(f"A record of the log names no tensors: {fault}.") from fault
    small = {digest: tensor for digest, tensor in tensors.items() if data_size(*tensor) < PACKED_BELOW}
    rows = [loose_row(digest, *tensors[digest], place=place) for digest in tensors if digest not in small]
    return rows + pack_rows(small, pack_key(pack, place))


def _tensor(word: str) -> tuple[str, tuple[str, tuple[int, ...]]]:
    digest, dtype, axes = word.split(" ")
    if not is_digest(digest):
        raise ValueError(f"{digest!r} is no digest")
    shape = tuple(map(int, axes.split(","))) if axes else ()
    data_size(dtype, shape)  # Refuses what cannot be.
    return digest, (dtype, shape)


def by_object(rows: Mapping[str, BlobRow]) -> dict[str, list[BlobRow]]:
    """Return rows by the object that they are in."""
    found: dict[str, list[BlobRow]] = {}
    for row in rows.values():
        found.setdefault(row.pack, []).append(row)
    return found
