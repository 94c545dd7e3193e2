"""``nascore weights verify``: proving what is stored, and which checkpoints need what is damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import click

from nascore.cli.failure import FAILED
from nascore.cli.screen import emit_document, printable, say, show
from nascore.cli.tables import table_of
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightschosen import Chosen
from nascore.cli.weightsplace import of_store
from nascore.cli.weightswording import short_id, size_text
from nascore.cli.wording import count_text
from nascore.weights import Damage, WeightStore

_SHOWN = 3
_MEND = "Restore the files from a copy; a second put of the same tensors brings a missing one back."
_FIND = "Without either, find the checkpoints that need one (`nascore weights verify ID` says which do), and"
_REST = "Tensors that no checkpoint needs go with `nascore weights gc`."
_INDEX = "A damaged index: `nascore weights reindex` makes it anew, once the files are mended from which it is made."


@dataclass(frozen=True, slots=True)
class _Holding:
    """A checkpoint that needs a damaged file, as one experiment has it; none and no trial if it was released."""

    checkpoint: str
    experiment: str = ""
    trial: int | None = None
    names: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        return self.names[0] if self.names else short_id(self.checkpoint)


_Holdings = Mapping[str, Sequence[_Holding]]
"""Who has each checkpoint."""


@click.command("verify", cls=Verb)
@click.argument("checkpoint", default="")
@of_store
@json_option
def verify(chosen: Chosen, *, checkpoint: str, as_json: bool) -> None:
    """Prove every stored byte, or those of one checkpoint; exits 1 if anything is damaged.

    Says which checkpoints need what is damaged, and how much of their tensors is lost with it.
    """
    damages = chosen.weights.verify(chosen.find(checkpoint) if checkpoint else "")
    holdings = _holdings(chosen, damages)
    if as_json:
        emit_document([_document(damage, holdings) for damage in damages])
    elif damages:
        _show(damages, holdings, is_told=isinstance(chosen.weights, WeightStore))
    else:
        click.echo("Every byte is what was written.")
    if damages:
        click.get_current_context().exit(FAILED)


def _holdings(chosen: Chosen, damages: Sequence[Damage]) -> _Holdings:
    needing = dict.fromkeys(one for damage in damages for one in damage.checkpoints)
    if not needing:
        return {}
    everything = replace(chosen, experiment="")  # Others lose what is shared with the one that is looked at.
    listed = [one for one in everything.listed() if one.checkpoint in needing]
    names = everything.names({one.experiment for one in listed})
    found: dict[str, list[_Holding]] = {}
    for one in listed:
        called = tuple(names.get((one.experiment, one.checkpoint), ()))
        found.setdefault(one.checkpoint, []).append(_Holding(one.checkpoint, one.experiment, one.trial, called))
    return {checkpoint: found.get(checkpoint, [_Holding(checkpoint)]) for checkpoint in needing}


def _document(damage: Damage, holdings: _Holdings) -> dict[str, object]:
    needing = [
        {
            "checkpoint": one.checkpoint,
            "experiment": one.experiment or None,
            "trial": one.trial,
            "names": list(one.names),
        }
        for checkpoint in damage.checkpoints
        for one in holdings[checkpoint]
    ]
    return {"place": damage.place, "what": damage.what, "lost": damage.lost, "checkpoints": needing}


def _show(damages: Sequence[Damage], holdings: _Holdings, *, is_told: bool) -> None:
    table = table_of("where", "what", "lost", "needed by", right=("lost",), wide=("where", "what", "needed by"))
    for damage in damages:
        lost = size_text(damage.lost) if damage.lost else ""
        called = [holdings[one][0].called for one in damage.checkpoints]
        table.add_row(printable(damage.place), printable(damage.what), lost, printable(_some(called)))
    show(table)
    if holdings:
        _show_holdings(damages, holdings)
    say(f"{count_text(len(damages), 'damage')}. {_MEND} {_way_out(holdings, is_told=is_told)} {_INDEX}")


def _show_holdings(damages: Sequence[Damage], holdings: _Holdings) -> None:
    counts: dict[str, int] = {}
    for damage in damages:
        for checkpoint in damage.checkpoints:
            counts[checkpoint] = counts.get(checkpoint, 0) + 1
    table = table_of(
        "not whole", "experiment", "trial", "damages", "names", right=("trial", "damages"), wide=("names",)
    )
    for one in (one for several in holdings.values() for one in several):
        experiment = one.experiment or "released"
        trial = "" if one.trial is None else str(one.trial)
        names = printable(", ".join(one.names))
        table.add_row(short_id(one.checkpoint), printable(experiment), trial, str(counts[one.checkpoint]), names)
    show("", table)


def _way_out(holdings: _Holdings, *, is_told: bool) -> str:
    """Return what to do without a copy; a server of an older version does not tell who needs what."""
    held = [checkpoint for checkpoint, several in holdings.items() if several[0].experiment]
    if not held and (holdings or is_told):
        return f"No checkpoint has lost a tensor. {_REST}"
    words = " ".join(map(short_id, held[:_SHOWN])) + (" …" if len(held) > _SHOWN else "")
    give_up = f"`nascore weights release {words or 'ID'}` (`unname` and `unpin` come first), then `nascore weights gc`."
    return f"Without either, what is lost stays lost: {give_up}" if held else f"{_FIND} {give_up}"


def _some(called: Sequence[str]) -> str:
    more = len(called) - _SHOWN
    return ", ".join(called[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
