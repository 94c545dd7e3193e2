"""``nascore weights lineage``: what a checkpoint was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    """A checkpoint of the family, and how many generations below the one that was asked for it is."""

    relative: Relative
    generation: int

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
    this, *others = _told(chosen, [Relative(found, 0, is_released=False), *near.ancestors, *near.descendants])
    ancestors, descendants = others[: len(near.ancestors)], others[len(near.ancestors) :]
    if as_json:
        sides = {"ancestors": ancestors, "descendants": descendants}
        emit_document({"checkpoint": found, **{side: list(map(_document, one)) for side, one in sides.items()}})
    else:
        above = [_Member(one, -one.distance) for one in reversed(ancestors)]
        _show([*above, *(_Member(one, one.distance) for one in (this, *descendants))])


def _told(chosen: Chosen, relatives: Sequence[Relative]) -> list[Relative]:
    """Return relatives with their trials and metrics; those of which the store does not say them, from manifests."""
    stories = chosen.stories(one.checkpoint for one in relatives if one.trial is None)
    return [_completed(one, stories.get(one.checkpoint)) for one in relatives]


def _completed(one: Relative, story: Manifest | None) -> Relative:
    return one if story is None else replace(one, trial=story.trial, metrics=story.metrics)


def _show(family: Sequence[_Member]) -> None:
    names = metric_names(one.relative.metrics for one in family)
    show_fitting(lambda shown: _columns(family, shown), names, texts=("checkpoint", ""), wide="")


def _columns(family: Sequence[_Member], metrics: Sequence[str]) -> Columns:
    return [
        ("generation", [f"{one.generation:+}" if one.generation else "0" for one in family]),
        ("checkpoint", [short_id(one.relative.checkpoint) for one in family]),
        ("trial", ["" if one.relative.trial is None else str(one.relative.trial) for one in family]),
        *metric_columns([one.relative.metrics for one in family], metrics),
        ("", [one.remark for one in family]),
    ]


def _document(one: Relative) -> dict[str, object]:
    return {
        "checkpoint": one.checkpoint,
        "distance": one.distance,
        "is_released": one.is_released,
        "trial": one.trial,
        "metrics": dict(one.metrics),
    }
