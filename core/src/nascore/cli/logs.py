"""``nascore logs``: what workers and trials wrote, also while they write it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.logfile import Follower, SectionFollower, has_section, trials_in
from nascore.cli.screen import emit_line, say
from nascore.cli.source import Found, LocalRecords, chosen_home, known_database
from nascore.cli.suggestion import did_you_mean
from nascore.cli.verb import Verb
from nascore.cli.wording import count_text
from nascore.journal import read_holder

_WHAT = re.compile(r"\d+|(trial|worker)-\d+")
_LOOK_S = 0.2
_SHARED = "trials-"
"""How the name of a log begins that all trials of a worker share (``--isolation none``)."""


@click.command("logs", cls=Verb)
@click.argument("words", metavar="[ID] [TRIAL|WORKER]", nargs=-1)
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on as more is written.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
@click.pass_context
def command(context: click.Context, *, words: tuple[str, ...], is_followed: bool, as_json: bool) -> None:
    """Print what a trial or a worker wrote.

    TRIAL is a number, WORKER a name such as `worker-0`; without either, all workers, and with `-f` also all trials
    that run or begin. ID is an id, the beginning of one, a name, or `last` (the default).
    """
    identifier, what = split_words(words)
    found = LocalRecords(chosen_home(context), known=known_database()).find(identifier)
    folder = found.local_folder() / "logs"
    followers = _followers(folder, what)
    past = {path for path in folder.glob("trial-*.log") if path.stem not in _running(found)}
    show = _show_json if as_json else _Plain(is_single=bool(what)).show
    _print(followers, show)
    while is_followed and found.database is not None and read_holder(found.database) is not None:
        if not what:
            known = past | {follower.path for follower in followers}
            followers += [Follower(path) for path in sorted(folder.glob("*.log"), key=_place) if path not in known]
        _print(followers, show)
        time.sleep(_LOOK_S)
    _print(followers, show)
    for follower in followers:
        show(follower.name, follower.read_rest())
    if not what and not any(follower.has_read for follower in followers):
        say(_nothing(folder))


def _nothing(folder: Path) -> str:
    """Say that no worker wrote anything here, and who did."""
    files = sorted((path for path in folder.glob("trial*.log") if path.stat().st_size), key=_place)
    elsewhere = "Workers on other machines write to their own output there"
    if not files:
        return f"Nothing was written yet. {elsewhere}."
    numbers = sorted({number for path in files for number in _trials_of(path)})
    if not numbers:
        return f"The workers wrote nothing. {elsewhere}."
    return (
        f"The workers wrote nothing here, but {count_text(len(numbers), 'trial')} did: `nascore logs {numbers[-1]}` "
        f"prints the last. {elsewhere}."
    )


def _trials_of(path: Path) -> set[int]:
    return trials_in(path) if path.stem.startswith(_SHARED) else {_place(path)[1]}


def _running(found: Found) -> set[str]:
    return {f"trial-{trial.number}" for trial in found.trials if not trial.state.is_final}


def split_words(words: tuple[str, ...]) -> tuple[str, str]:
    """Return the experiment and what of it: ``()``, ``(ID,)``, ``(TRIAL,)`` or ``(ID, TRIAL)``.

    Raises:
        WrongUsageError: If there are more words, or the second is neither a trial nor a worker.
    """
    if len(words) > 2:
        raise WrongUsageError(f"Too many words: {' '.join(words)}.", fix="Write `nascore logs ID TRIAL`.")
    if len(words) == 1 and _WHAT.fullmatch(words[0]):
        return "last", words[0]
    if len(words) == 2 and not _WHAT.fullmatch(words[1]):
        raise WrongUsageError(
            f"`{words[1]}` is neither a trial nor a worker.", fix="Write a number, or a name such as `worker-0`."
        )
    identifier, what = (*words, "", "")[:2]
    return identifier or "last", what


def _followers(folder: Path, what: str) -> list[Follower]:
    written = sorted(folder.glob("*.log"), key=_place)
    if not what:
        return [Follower(path) for path in written if path.stem.startswith("worker-")]
    name = f"trial-{what}" if what.isdecimal() else what
    chosen = [Follower(path) for path in written if path.stem == name]
    if name.startswith("trial-"):
        number = int(name.removeprefix("trial-"))
        shared = [path for path in written if path.stem.startswith(_SHARED) and has_section(path, number)]
        chosen += [SectionFollower(path, number) for path in shared]
    if not chosen:
        near = "" if what.isdecimal() else did_you_mean(name, [path.stem for path in written])
        raise WrongUsageError(f"{name} wrote nothing yet.", fix=near or f"Logs are kept in {folder}.")
    return chosen


def _place(path: Path) -> tuple[str, int]:
    kind, _, number = path.stem.rpartition("-")
    return kind, int(number) if number.isdecimal() else 0


def _print(followers: list[Follower], show: Callable[[str, list[str]], None]) -> None:
    for follower in followers:
        show(follower.name, follower.read())


def _show_json(name: str, lines: list[str]) -> None:
    for line in lines:
        emit_line({"source": name, "line": line})


class _Plain:
    """Prints lines, with a heading whenever another file goes on."""

    def __init__(self, *, is_single: bool) -> None:
        self._is_single = is_single
        self._last = ""

    def show(self, name: str, lines: list[str]) -> None:
        if lines and not self._is_single and name != self._last:
            click.echo(f"==> {name} <==")
            self._last = name
        for line in lines:
            click.echo(line)
