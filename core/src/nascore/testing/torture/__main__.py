"""``python -m nascore.testing.torture``: tortures a search and prints what came of it; exit code 1 on any violation."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from nascore.errors import NascoreError
from nascore.testing.torture.campaign import tortured
from nascore.testing.torture.installed import installed_tuners
from nascore.testing.torture.plan import Plan, Plant
from nascore.testing.torture.table import table, verdict


@click.command()
@click.option("--kills", default=500, show_default=True, help="Processes to kill: server, tuner hosts, workers.")
@click.option("--trials", default=2000, show_default=True, help="Trials that must end at least.")
@click.option("--workers", default=8, show_default=True, help="With 1, proposals are compared with a calm search's.")
@click.option("--seed", default=1, show_default=True, help="Of everything random.")
@click.option("--tuner", default="regularized-evolution", show_default=True, help="An installed tuner, or `all`.")
@click.option("--database", default="", metavar="URL", help="As of `nascore serve`.  [default: a file]")
@click.option(
    "--plant",
    type=click.Choice([Plant.NONE.value, Plant.EARLY_ACK.value, Plant.NO_EPOCHS.value]),
    default=Plant.NONE.value,
    show_default=True,
)
@click.option("--folder", type=click.Path(path_type=Path), help="For the evidence.  [default: kept if it fails]")
@click.pass_context
def main(
    context: click.Context,
    *,
    kills: int,
    trials: int,
    workers: int,
    seed: int,
    tuner: str,
    database: str,
    plant: str,
    folder: Path | None,
) -> None:
    """Kill a search again and again, and check that nothing that was acknowledged is lost or counted twice."""
    is_well = True
    for name in installed_tuners() if tuner == "all" else (tuner,):
        try:
            plan = Plan(kills, trials, workers=workers, seed=seed, tuner=name, database=database, plant=Plant(plant))
            is_well = _shown(plan, None if folder is None else folder / name) and is_well
        except NascoreError as error:
            raise click.ClickException(str(error)) from error
    context.exit(0 if is_well else 1)


def _shown(plan: Plan, folder: Path | None) -> bool:
    """Torture, print what came of it, and return whether every promise held."""
    chosen = Path(tempfile.mkdtemp(prefix="nascore-torture-")) if folder is None else folder
    chosen.mkdir(parents=True, exist_ok=True)
    try:
        result = tortured(plan, chosen)
    except NascoreError:
        if folder is None:
            shutil.rmtree(chosen)  # It never began, which is no evidence.
        raise
    click.echo(table(result))
    if result.judgement.violations:
        click.echo(verdict(result))
    if folder is None and not result.judgement.violations:
        shutil.rmtree(chosen)
    return not result.judgement.violations


if __name__ == "__main__":
    main()
