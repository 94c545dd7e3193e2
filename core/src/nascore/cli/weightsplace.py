"""Which store of weights a verb is about: by path, URL, experiment or server.

Not here: which checkpoint of it (``nascore.cli.weightschosen``).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.source import choose_records, chosen_home, server_client, server_options
from nascore.cli.weightschosen import LAST, Chosen, Weights
from nascore.errors import InvalidInputError, NotFoundError
from nascore.weights import open_store

NAMES_NO_STORE = {"allow_extra_args": True}
"""Settings of a verb about a whole store: what is written behind it is refused with better words than click's."""

_LONG_TEXT = 200
_OTHERS = "--store takes a folder, a URL, or an experiment: its id, the beginning of it, its name, or `last`."
_Function = TypeVar("_Function", bound=Callable[..., object])


def store_options(function: _Function) -> _Function:
    """Add ``--store`` and the options of a server."""
    store = click.option(
        "--store",
        metavar="WHERE",
        help="Folder, URL (s3://bucket/prefix), or experiment: id, its beginning, name.  [default: last experiment]",
    )
    return store(server_options(function))


def experiment_option(function: _Function) -> _Function:
    """Add ``--experiment``: only what one experiment of the store has, which is all that many a token opens."""
    return click.option(
        "--experiment", metavar="NAME", default="", help="Only checkpoints and names of this experiment of the store."
    )(function)


@contextmanager
def chosen_store(
    context: click.Context, store: str | None, *, server: str | None, token_file: Path | None, experiment: str = ""
) -> Iterator[Chosen]:
    """Give the store that the options name; ``experiment`` narrows what is seen of it.

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
            where, own = server, ""
        else:
            where, own = _place(context, store)
            weights = open_store(where)
        stack.callback(weights.close)
        yield Chosen(weights, where, experiment, own=experiment or own)


def of_store(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb be about a store: it is given what its options name, open while it works, as its first argument."""
    return experiment_option(of_whole_store(verb))


def of_whole_store(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb be about a store in the same way, where nothing of it can be left out."""

    @store_options
    @click.pass_context
    @wraps(verb)
    def opened(
        context: click.Context,
        /,
        *,
        store: str | None,
        server: str | None,
        token_file: Path | None,
        experiment: str = "",
        **others: object,
    ) -> None:
        with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
            verb(chosen, **others)

    return opened


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


def _place(context: click.Context, store: str | None) -> tuple[str, str]:
    """Return a store's folder or URL (``None``: the last experiment's), and the experiment whose it is, if known."""
    if store is None:
        return _place_of_experiment(context, LAST, asked="--store was not given, so the last experiment's was meant")
    if "://" in store:
        return store, ""
    if os.sep in store or store.startswith(".") or _is_store(Path(store)):
        if not _is_store(Path(store)):
            raise NotFoundError(
                f"There is no store of weights in {store}.", hint="It is the folder that has log.jsonl and manifests/."
            )
        # The folder of an experiment has its id for a name; of another folder's name no checkpoint knows.
        return store, Path(store).resolve().parent.name
    return _place_of_experiment(
        context, store, asked=f"`--store {store[:_LONG_TEXT]}` is no folder with one, so an experiment was meant"
    )


def _place_of_experiment(context: click.Context, experiment: str, *, asked: str) -> tuple[str, str]:
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
    return str(folder), found.record.id


def _is_store(folder: Path) -> bool:
    return (folder / "log.jsonl").is_file() or (folder / "manifests").is_dir()
