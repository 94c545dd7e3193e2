"""What the index answers: checkpoints, names, lineage, usage."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection

from nascore.errors import InvalidInputError, NotFoundError
from nascore.weights.answers import Lineage, Listed, Page, Reference, Relative, Usage
from nascore.weights.contract import MAX_PAGE

_is_name = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}").fullmatch
_PAGE = (
    "SELECT seq, checkpoints.id, checkpoints.name, experiments.name, trial, size, is_pinned, at FROM members "
    "JOIN checkpoints ON checkpoint = checkpoints.id JOIN experiments ON experiment = experiments.id "
    "WHERE seq > ?1 AND ?2 IN ('', experiments.name) AND (?3 IS NULL OR trial = ?3) ORDER BY seq LIMIT ?4"
)
_METRICS = (
    "SELECT checkpoint, metric, value FROM metrics WHERE checkpoint IN (SELECT value FROM json_each(?)) "
    "AND length(metric) <= 256 ORDER BY checkpoint, metric"
)
_METRICS_OF_ONE = 100
_MOST_METRICS = 10_000
"""Metrics in a page, or those of its one checkpoint: it has to fit a message."""
_ABOVE = "SELECT parent, distance + 1 FROM parents JOIN near ON child = id WHERE distance < ?2"
_BELOW = "SELECT child, distance + 1 FROM parents JOIN near ON parent = id WHERE distance < ?2"


def check_name(name: str, *, what: str) -> None:
    """Refuse what cannot be the name of ``what``; names never become paths.

    Raises:
        InvalidInputError: It is empty, longer than 200 characters, or has control characters.
    """
    if not _is_name(name):
        raise InvalidInputError(
            f"{name!r:.80} cannot name {what}: 1 to 200 characters are allowed, without control characters."
        )


def is_held(connection: sqlite3.Connection, checkpoint: str, experiment: str = "") -> bool:
    """Whether a checkpoint is not released, in one experiment or in any."""
    query = (
        "SELECT 1 FROM members JOIN checkpoints ON checkpoint = checkpoints.id "
        "JOIN experiments ON experiment = experiments.id WHERE checkpoints.name = ?1 AND ?2 IN ('', experiments.name)"
    )
    return connection.execute(query, (checkpoint, experiment)).fetchone() is not None


def was_released(connection: sqlite3.Connection, checkpoint: str, experiment: str = "") -> bool:
    """Whether an experiment, or any, has given up a checkpoint that is still known, and does not have it again."""
    query = (
        "SELECT 1 FROM released JOIN checkpoints ON checkpoint = checkpoints.id "
        "JOIN experiments ON experiment = experiments.id WHERE checkpoints.name = ?1 AND ?2 IN ('', experiments.name)"
    )
    return connection.execute(query, (checkpoint, experiment)).fetchone() is not None


def held_checkpoints(
    connection: sqlite3.Connection, checkpoints: Collection[str], experiments: Collection[str]
) -> set[str]:
    """Return those checkpoints that one of these experiments has not released."""
    query = (
        "SELECT DISTINCT checkpoints.name FROM checkpoints JOIN members ON checkpoint = checkpoints.id "
        "JOIN experiments ON experiment = experiments.id WHERE checkpoints.name IN (SELECT value FROM json_each(?)) "
        "AND experiments.name IN (SELECT value FROM json_each(?))"
    )
    words = (json.dumps(list(checkpoints)), json.dumps(list(experiments)))
    return {name for (name,) in connection.execute(query, words)}


def held_blobs(connection: sqlite3.Connection, digests: Collection[str], experiments: Collection[str]) -> set[str]:
    """Return those blobs that checkpoints of these experiments name."""
    query = (
        "SELECT DISTINCT digest FROM holdings JOIN blobs ON blob = blobs.id JOIN experiments ON experiment = "
        "experiments.id WHERE digest IN (SELECT value FROM json_each(?)) AND name IN (SELECT value FROM json_each(?))"
    )
    words = (json.dumps(list(digests)), json.dumps(list(experiments)))
    return {digest for (digest,) in connection.execute(query, words)}


def is_known(connection: sqlite3.Connection, checkpoint: str) -> bool:
    """Whether there is a checkpoint, released or not."""
    return connection.execute("SELECT 1 FROM checkpoints WHERE name = ?", (checkpoint,)).fetchone() is not None


def is_pinned(connection: sqlite3.Connection, checkpoint: str) -> bool:
    """Whether a checkpoint is kept from being released."""
    query = "SELECT 1 FROM checkpoints WHERE name = ? AND is_pinned"
    return connection.execute(query, (checkpoint,)).fetchone() is not None


def found_reference(connection: sqlite3.Connection, experiment: str, name: str) -> Reference | None:
    """Return where a name points, if it is there."""
    return next(iter(_references(connection, experiment, name)), None)


def all_references(connection: sqlite3.Connection, experiment: str) -> tuple[Reference, ...]:
    """Return all names of an experiment, sorted."""
    return tuple(_references(connection, experiment, None))


def names_of(connection: sqlite3.Connection, checkpoint: str, experiment: str = "") -> list[str]:
    """Return the names that point to a checkpoint, as ``experiment/name``."""
    query = (
        "SELECT experiments.name || '/' || names.name FROM names JOIN checkpoints ON checkpoint = checkpoints.id "
        "JOIN experiments ON experiment = experiments.id WHERE checkpoints.name = ?1 AND ?2 IN ('', experiments.name)"
    )
    return [name for (name,) in connection.execute(query, (checkpoint, experiment))]


def listed(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the ids of all checkpoints that are not released, oldest first."""
    query = "SELECT name FROM checkpoints JOIN members ON checkpoint = id GROUP BY id ORDER BY min(seq)"
    return tuple(name for (name,) in connection.execute(query))


def page(connection: sqlite3.Connection, *, experiment: str, trial: int | None, after: str, limit: int) -> Page:
    """See `WeightStore.checkpoints`."""
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError(f"limit: {limit!r:.40} checkpoints; 1 to {MAX_PAGE} are allowed.")
    if not re.fullmatch(r"[0-9]{0,18}", after):
        raise InvalidInputError(f"after: {after!r:.40} is not where a page ended.")
    rows = connection.execute(_PAGE, (int(after or 0), experiment, trial, limit + 1)).fetchall()
    metrics_of = _metrics(connection, [row[1] for row in rows[:limit]])
    chosen: list[Listed] = []
    told = 0
    for _, checkpoint, name, holder, number, size, is_pinned, at in rows[:limit]:
        metrics = metrics_of.get(checkpoint, {})
        told += len(metrics)
        if chosen and told > _MOST_METRICS:
            break
        chosen.append(Listed(name, holder, number, size, metrics, bool(is_pinned), at))
    return Page(tuple(chosen), str(rows[len(chosen) - 1][0]) if len(rows) > len(chosen) else "")


def lineage_of(connection: sqlite3.Connection, checkpoint: str, *, depth: int) -> Lineage:
    """See `WeightStore.lineage`."""
    if not is_known(connection, checkpoint):
        raise NotFoundError(f"There is no checkpoint {checkpoint!r:.80}.")
    return Lineage(_relatives(connection, checkpoint, _ABOVE, depth), _relatives(connection, checkpoint, _BELOW, depth))


def usage_of(connection: sqlite3.Connection, experiment: str) -> Usage:
    """Return what an experiment uses."""
    row = connection.execute("SELECT used, quota FROM experiments WHERE name = ?", (experiment,)).fetchone()
    return Usage(*row) if row else Usage(0, None)


def unneeded(connection: sqlite3.Connection) -> list[str]:
    """Return released checkpoints from which no checkpoint that is held descends."""
    query = (
        "WITH RECURSIVE needed (id) AS (SELECT id FROM checkpoints WHERE holders > 0 "
        "UNION SELECT parent FROM parents JOIN needed ON child = id) "
        "SELECT name FROM checkpoints WHERE holders = 0 AND id NOT IN needed ORDER BY id"
    )
    return [name for (name,) in connection.execute(query)]


def ranked(connection: sqlite3.Connection, experiment: str, metric: str, *, is_ascending: bool) -> list[str]:
    """Return the checkpoints of an experiment that may be released, best first, those without the metric last."""
    order = "ASC" if is_ascending else "DESC"
    query = (
        "SELECT checkpoints.name FROM members JOIN checkpoints ON members.checkpoint = checkpoints.id "  # noqa: S608 - two words
        "JOIN experiments ON experiment = experiments.id "
        "LEFT JOIN metrics ON metrics.checkpoint = checkpoints.id AND metric = ?2 WHERE experiments.name = ?1 "
        "AND is_pinned = 0 AND NOT EXISTS (SELECT 1 FROM names WHERE names.checkpoint = checkpoints.id) "
        f"ORDER BY value IS NULL, value {order}, seq"
    )
    return [name for (name,) in connection.execute(query, (experiment, metric))]


def _references(connection: sqlite3.Connection, experiment: str, name: str | None) -> list[Reference]:
    query = (
        "SELECT experiments.name, names.name, checkpoints.name, etag FROM names "
        "JOIN experiments ON experiment = experiments.id JOIN checkpoints ON checkpoint = checkpoints.id "
        "WHERE experiments.name = ?1 AND (?2 IS NULL OR names.name = ?2) ORDER BY names.name"
    )
    return [Reference(*row) for row in connection.execute(query, (experiment, name))]


def _relatives(connection: sqlite3.Connection, checkpoint: str, step: str, depth: int) -> tuple[Relative, ...]:
    rows = connection.execute(
        "WITH RECURSIVE near (id, distance) AS "  # noqa: S608 - one of two constants
        f"(SELECT id, 0 FROM checkpoints WHERE name = ?1 UNION {step}) "
        "SELECT id, name, min(distance), holders = 0, trial FROM near JOIN checkpoints USING (id) WHERE distance > 0 "
        "GROUP BY id ORDER BY min(distance), id",
        (checkpoint, depth),
    ).fetchall()
    metrics = _metrics(connection, [row[0] for row in rows])
    return tuple(
        Relative(name, distance, bool(is_released), trial, metrics.get(number, {}))
        for number, name, distance, is_released, trial in rows
    )


def _metrics(connection: sqlite3.Connection, checkpoints: Collection[int]) -> dict[int, dict[str, float]]:
    """Return what checkpoints were measured by, those that were; asked for all at once."""
    found: dict[int, dict[str, float]] = {}
    for checkpoint, metric, value in connection.execute(_METRICS, (json.dumps(list(checkpoints)),)):
        metrics = found.setdefault(checkpoint, {})
        if len(metrics) < _METRICS_OF_ONE:
            metrics[metric] = value
    return found
