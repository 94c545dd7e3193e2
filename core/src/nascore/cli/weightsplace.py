"""Which store of weights a verb is about, and which checkpoint of it: by path, URL, experiment or server.

Not here: what is shown of them (``nascore.cli.weights``).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeVar

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.source import choose_records, chosen_home, server_client, server_options
from nascore.cli.suggestion import did_you_mean
from nascore.errors import InvalidInputError, NotFoundError
from nascore.weights import OWN, Collected, Damage, Lineage, Listed, Manifest, Page, Reference, TensorData, open_store

LAST = "last"
NAMES_NO_STORE = {"allow_extra_args": True}
"""Settings of a verb about a whole store: what is written behind it is refused with better words than click's."""

_PAGE = 1000
_SHOWN = 3
_LONG_TEXT = 200
_OTHERS = "--store takes a folder, a URL, or an experiment: its id, the beginning of it, its name, or `last`."
_Function = TypeVar("_Function", bound=Callable[..., object])


class Weights(Protocol):
    """What the verbs ask; stores on this machine and clients of a server both answer."""

    def manifest(self, checkpoint: str) -> Manifest:
        """See `nascore.weights.WeightStore`, like the others."""
        ...

    def checkpoints(self, *, experiment: str = "", trial: int | None = None, after: str = "", limit: int = 100) -> Page:
        """Return a page of checkpoints."""
        ...

    def references(self, experiment: str) -> tuple[Reference, ...]:
        """Return the names of an experiment."""
        ...

    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """Return relatives."""
        ...

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """Return tensors, proven."""
        ...

    def collect(self, *, stale_after_s: float = ...) -> Collected:
        """Remove what nobody names."""
        ...

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """Prove what is stored."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """A store that a verb is about, and how it is called (``where``)."""

    weights: Weights
    where: str

    def listed(self, *, experiment: str = "", trial: int | None = None) -> Iterator[Listed]:
        """Yield all checkpoints, oldest first."""
        after = ""
        while True:
            page = self.weights.checkpoints(experiment=experiment, trial=trial, after=after, limit=_PAGE)
            yield from page.checkpoints
            after = page.after
            if not after:
                return

    def names(self, experiments: Collection[str]) -> dict[str, list[str]]:
        """Return checkpoint -> names of these experiments that point to it."""
        found: dict[str, list[str]] = {}
        for experiment in sorted(experiments):
            for reference in self.weights.references(experiment):
                shown = reference.name if experiment == OWN else f"{experiment}/{reference.name}"
                found.setdefault(reference.checkpoint, []).append(shown)
        return found

    def find(self, wanted: str) -> str:
        """Return the id of a checkpoint: itself, ``last``, a name, or the unique beginning of an id.

        Raises:
            NotFoundError: There is none, or several; similar ones are named.
        """
        listed = list(self.listed())
        identifiers = list(dict.fromkeys(one.checkpoint for one in listed))
        if wanted in identifiers:
            return wanted
        if wanted == LAST and identifiers:
            return identifiers[-1]
        names = self.names({one.experiment for one in listed})
        by_name = {name: checkpoint for checkpoint, several in names.items() for name in several}
        if found := _named(wanted, by_name) or _begun(wanted, identifiers):
            return found
        hint = did_you_mean(wanted, [*by_name, *identifiers]) or "`nascore weights ls` shows them."
        raise NotFoundError(f"There is no checkpoint `{wanted[:_LONG_TEXT]}` in {self.where}.", hint=hint)


def _named(wanted: str, by_name: Mapping[str, str]) -> str:
    """Return what a name points to, also without its experiment where that is clear; empty for none."""
    bare = {checkpoint for name, checkpoint in by_name.items() if name.rpartition("/")[2] == wanted}
    return by_name.get(wanted) or (bare.pop() if len(bare) == 1 else "")


def _begun(wanted: str, identifiers: Collection[str]) -> str:
    """Return the id with this beginning; empty for none."""
    near = [one for one in identifiers if wanted and one.startswith(wanted)]
    if len(near) > 1:
        shown = ", ".join(one[:12] for one in near[:_SHOWN]) + (" …" if len(near) > _SHOWN else "")
        raise NotFoundError(f"`{wanted}` begins {len(near)} checkpoints: {shown}", hint="Write more of it.")
    return near[0] if near else ""


def store_options(function: _Function) -> _Function:
    """Add ``--store`` and the options of a server."""
    store = click.option(
        "--store",
        metavar="WHERE",
        help="Folder, URL (s3://bucket/prefix), or experiment: id, its beginning, name.  [default: last experiment]",
    )
    return store(server_options(function))


@contextmanager
def chosen_store(
    context: click.Context, store: str | None, *, server: str | None, token_file: Path | None
) -> Iterator[Chosen]:
    """Give the store that the options name.

    Raises:
        NotFoundError: There is no such store.
        InvalidInputError: A store and a server are named.
    """
    _check_arguments(context)
    with ExitStack() as stack:
        if server:
            if store:
                raise InvalidInputError(
                    "--store and --server cannot be given together.", hint="A server has one store."
                )
            client = server_client(server, token_file)
            stack.callback(client.close)
            # By name, because it brings gRPC, which verbs about stores on this machine do not need.
            weights: Weights = import_module("nascore.client.weights").Weights.of(client)
            where = server
        else:
            where = _place(context, store)
            weights = open_store(where)
        stack.callback(weights.close)
        yield Chosen(weights, where)


def _check_arguments(context: click.Context) -> None:
    """Refuse what was written behind a verb about a whole store, as if it was the store."""
    if context.args:
        given = context.args[0]
        raise WrongUsageError(
            f"`{context.info_name}` is about a whole store, which is named by --store; `{given[:_LONG_TEXT]}` is no "
            "option.",
            fix=f"Write `nascore weights {context.info_name} --store {shlex.quote(given)}`. {_OTHERS}",
            context=context,
        )


def _place(context: click.Context, store: str | None) -> str:
    """Return the folder or the URL of a store; ``None`` is that of the last experiment."""
    if store is None:
        return _place_of_experiment(context, LAST, asked="--store was not given, so the last experiment's was meant")
    if "://" in store:
        return store
    if os.sep in store or store.startswith(".") or _is_store(Path(store)):
        if not _is_store(Path(store)):
            raise NotFoundError(
                f"There is no store of weights in {store}.", hint="It is the folder that has log.jsonl and manifests/."
            )
        return store
    return _place_of_experiment(
        context, store, asked=f"`--store {store[:_LONG_TEXT]}` is no folder with one, so an experiment was meant"
    )


def _place_of_experiment(context: click.Context, experiment: str, *, asked: str) -> str:
    try:
        found = choose_records(context, server=None, token_file=None).find(experiment)
    except NotFoundError as error:
        looked = f"{error.message.rstrip('.')} in {chosen_home(context)}."
        raise NotFoundError(f"No store of weights: {asked}. {looked}", hint=f"{error.hint} {_OTHERS}") from error
    folder = found.local_folder() / "weights"
    if not _is_store(folder):
        raise NotFoundError(
            f"Experiment {found.record.id} has kept no weights: there is no store in {folder}.",
            hint=f"Name another store. {_OTHERS}",
        )
    return str(folder)


def _is_store(folder: Path) -> bool:
    return (folder / "log.jsonl").is_file() or (folder / "manifests").is_dir()
