"""``python -m nascore.testing.soak``: lets a search go on for very long; exit code 1 if anything grows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from nascore.errors import NascoreError
from nascore.testing.soak.campaign import Plan, Result, soaked
from nascore.testing.soak.gauge import HOUR_OF_TRIALS
from nascore.testing.torture.plan import Plant


@click.command()
@click.option("--trials", default=20_000, show_default=True, help=f"{HOUR_OF_TRIALS} stand for an hour.")
@click.option("--workers", default=4, show_default=True, help="At a time; all but the first come and go.")
@click.option("--watchers", default=3, show_default=True, help="At a time; they come and go.")
@click.option("--leaves", default=20, show_default=True, help="Workers that go, over the whole soak.")
@click.option("--restarts", default=3, show_default=True, help="Deaths of the tuner's process.")
@click.option("--seed", default=1, show_default=True, help="Of everything random.")
@click.option("--tuner", default="regularized-evolution", show_default=True, help="An installed tuner.")
@click.option("--plant", type=click.Choice([Plant.NONE.value, Plant.LEAK.value]), default="none", show_default=True)
@click.pass_context
def main(context: click.Context, /, *, plant: str, **asked: int | str) -> None:
    """Let a search go on for very long, and check that none of its processes grows."""
    try:
        plan = Plan(**asked, plant=Plant(plant))  # type: ignore[arg-type]  # click has checked each
        with tempfile.TemporaryDirectory(prefix="nascore-soak-") as folder:
            result = soaked(plan, Path(folder))
    except NascoreError as error:
        raise click.ClickException(str(error)) from error
    click.echo("\n".join(_rows(result)))
    for finding in result.findings:
        click.echo(finding)
    context.exit(1 if result.findings else 0)


def _rows(result: Result) -> Iterator[str]:
    hours = result.ended / HOUR_OF_TRIALS
    yield (
        f"{result.ended:,} trials, worth {hours:.0f} hours, in {result.seconds:.0f} s; "
        f"{result.plan.leaves} workers left, {result.visits} watchers came, {result.plan.restarts} tuners were killed"
    )
    yield f"{'process':<12}{'lives':>6}{'highest MiB':>13}{'MiB an hour':>13}{'descriptors':>13}"
    for each in result.trends:
        yield (
            f"{each.role:<12}{each.lives:>6}{each.highest_bytes / 2**20:>13.1f}"
            f"{each.memory_mib:>13.3f}{each.descriptors:>13.1f}"
        )


if __name__ == "__main__":
    main()
