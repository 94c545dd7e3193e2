"""Inheritance on the server: a new checkpoint from the tensors of earlier ones, of which no byte goes over the wire.

Not here: the rules (``nascore.weights.inheritance``), and what needs the network (growths, initialisations).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from nascore.errors import ExhaustedResourceError
from nascore.weights import Entry, Manifest, TensorData, WeightStore, blob_header
from nascore.weights.access import Origin, Succession
from nascore.weights.inheritance import Inheritance, Rules, Wanted, inherit

MAX_CUT = 1 << 30
"""Bytes of all tensors that one call may cut, since they are held meanwhile."""
_STEP = 4 << 20


def inherited(
    store: WeightStore,
    parents: Sequence[str],
    wanted: Sequence[Wanted],
    *,
    rules: Rules,
    trial: int,
    experiment: str,
    request_id: str,
) -> Succession:
    """Return what was made.

    Args:
        store: Where all are.
        parents: The first that has a tensor wins.
        wanted: The tensors of the new network.
        rules: How they are found and cut.
        trial: The trial that the checkpoint is for.
        experiment: Whose it is.
        request_id: The same id again gives the same answer.

    Raises:
        NotFoundError: There is no such parent.
        InvalidInputError: A wanted tensor cannot exist.
        ExhaustedResourceError: Too much would have to be cut, or the disk or the quota would not hold it.
    """
    entries: dict[str, Entry] = {}
    origins: dict[str, Origin] = {}
    left = list(wanted)
    for parent in parents:
        manifest = store.manifest(parent)
        found = inherit(manifest, left, rules=rules, read=partial(_read_parts, store, manifest))
        for digest, tensor in found.data.items():
            _keep(store, digest, tensor)
        entries |= {entry.key: entry for entry in found.entries}
        origins |= {origin.key: origin for origin in _origins(found, parent)}
        left = [tensor for tensor in left if tensor.key in found.left]
    ordered = tuple(entries[tensor.key] for tensor in wanted if tensor.key in entries)
    answer = tuple(origins[tensor.key] for tensor in wanted)
    if not ordered:
        return Succession("", answer)
    used = {origin.parent for origin in origins.values()}
    child = Manifest(trial, ordered, parents=tuple(parent for parent in dict.fromkeys(parents) if parent in used))
    return Succession(store.commit(child, experiment=experiment, request_id=request_id).checkpoint, answer)


def _read_parts(store: WeightStore, manifest: Manifest, keys: Collection[str]) -> dict[str, TensorData]:
    chosen = [entry for entry in manifest.entries if entry.key in keys]
    if (size := sum(entry.size for entry in chosen)) > MAX_CUT:
        raise ExhaustedResourceError(
            f"{size:,} bytes would have to be cut; a server cuts at most {MAX_CUT:,} in one call.",
            hint="Get the tensors and cut them where the network is.",
        )
    return {entry.key: _read(store, entry) for entry in chosen}


def _read(store: WeightStore, entry: Entry) -> TensorData:
    with store.open_blob(entry.digest) as reader:
        data = bytearray(entry.size)
        reader.read_into(reader.size - entry.size, data)
    return TensorData(entry.dtype, entry.shape, data)


def _keep(store: WeightStore, digest: str, tensor: TensorData) -> None:
    """Upload a tensor that was cut, unless it is there."""
    if store.present([digest]):
        return
    content = memoryview(blob_header(tensor.dtype, tensor.shape) + bytes(tensor.data))
    with store.upload(digest, len(content)) as writer:
        while writer.offset < writer.size:
            writer.write(writer.offset, content[writer.offset : writer.offset + _STEP])
        writer.finish()


def _origins(found: Inheritance, parent: str) -> list[Origin]:
    taken = [
        Origin(one.key, parent, "slice" if one.ranges else "exact" if one.key == one.parent_key else "prefix")
        for one in found.inherited
    ]
    named = [Origin(key, "", f"initialise: {rule.name}") for key, rule in found.initialised.items()]
    return [*taken, *named, *(Origin(key, "", reason) for key, reason in found.left.items())]
