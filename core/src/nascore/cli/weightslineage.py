"""``nascore weights lineage``: what a checkpoint was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from nascore.cli.options import Count
from nascore.cli.screen import emit_document
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightschosen import LAST, Chosen
from nascore.cli.weightscolumns import Columns, metric_columns, metric_names, show_fitting
from nascore.cli.weightsplace import of_store
from nascore.cli.weightswording import short_id
from nascore.weights import Manifest, Relative


@dataclass(frozen=True, slots=True)
class _Member:
    """A checkpoint of the family, how many generations below the one that was asked for, and its story, if known."""

    relative: Relative
    generation: int
    manifest: Manifest | None

    @property
    def metrics(self) -> Mapping[str, float]:
        return self.manifest.metrics if self.manifest is not None else {}

    @property
    def trial(self) -> int | None:
        return self.manifest.trial if self.manifest is not None else None

    @property
    def remark(self) -> str:
        if not self.generation:
            return "this one"
        return "released" if self.relative.is_released else ""


@click.command("lineage", cls=Verb)
@click.argument("checkpoint", default=LAST)
@of_store
@click.option("--depth", type=Count(), metavar="N", default=16, help="Generations.  [default: 16]")
@json_option
def lineage(
    chosen: Chosen,
    *,
    checkpoint: str,
    depth: int,
    as_json: bool,
) -> None:
    """Show what a checkpoint was made from, and what was made from it."""
    found = chosen.find(checkpoint)
    near = chosen.weights.lineage(found, depth=depth)
    this = Relative(found, 0, is_released=False)
    told = chosen.stories(one.checkpoint for one in (this, *near.ancestors, *near.descendants))
    ancestors = [_Member(one, -one.distance, told[one.checkpoint]) for one in near.ancestors]
    descendants = [_Member(one, one.distance, told[one.checkpoint]) for one in near.descendants]
    if as_json:
        sides = {"ancestors": ancestors, "descendants": descendants}
        emit_document({"checkpoint": found, **{side: list(map(_document, one)) for side, one in sides.items()}})
    else:
        _show([*reversed(ancestors), _Member(this, 0, told[found]), *descendants])


def _show(family: Sequence[_Member]) -> None:
    names = metric_names(one.metrics for one in family)
    show_fitting(lambda shown: _columns(family, shown), names, texts=("checkpoint", ""), wide="")


def _columns(family: Sequence[_Member], metrics: Sequence[str]) -> Columns:
    return [
        ("generation", [f"{one.generation:+}" if one.generation else "0" for one in family]),
        ("checkpoint", [short_id(one.relative.checkpoint) for one in family]),
        ("trial", ["" if one.trial is None else str(one.trial) for one in family]),
        *metric_columns([one.metrics for one in family], metrics),
        ("", [one.remark for one in family]),
    ]


def _document(one: _Member) -> dict[str, object]:
    return {
        "checkpoint": one.relative.checkpoint,
        "distance": one.relative.distance,
        "is_released": one.relative.is_released,
        "trial": one.trial,
        "metrics": dict(one.metrics),
    }
