"""``python -m nascore.testing.fuzz``: campaigns on the command line, one row a format; times are processor times.

Exit code 1 if anything crashed, was slow, or memory grew.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from nascore.testing.fuzz.corpus import KeptInput, keep_input
from nascore.testing.fuzz.formats import FORMATS, campaign

_GROWTH_BYTES = 64 * 2**20
_HEAD = f"{'format':<18}{'inputs':>10}{'accepted':>10}{'refused':>10}{'crashes':>9}{'slow':>6}{'slowest ms':>12}"


@click.command()
@click.option("--count", default=100_000, show_default=True, help="Inputs for each format.")
@click.option("--format", "names", multiple=True, type=click.Choice(tuple(FORMATS)), help="Only this one; repeatable.")
@click.option("--seed", type=int, help="Another seed gives other inputs; the day's number if not given.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for inputs that crashed.")
def main(count: int, names: tuple[str, ...], seed: int | None, keep: Path | None) -> None:
    """Try every reader of nascore on inputs that are nearly right."""
    chosen_seed = int(time.time() // 86_400) if seed is None else seed
    click.echo(f"seed {chosen_seed}\n{_HEAD}{'growth MiB':>12}{'seconds':>9}")
    found = []
    for name in names or FORMATS:
        report = campaign(FORMATS[name], count, seed=chosen_seed)
        click.echo(
            f"{name:<18}{report.inputs:>10,}{report.accepted:>10,}{report.refused:>10,}{report.crashed:>9,}"
            f"{len(report.slow):>6}{report.slowest_processor_s * 1000:>12.1f}{report.growth_bytes / 2**20:>12.1f}"
            f"{report.processor_s:>9.1f}"
        )
        if not report.is_clean or report.growth_bytes > _GROWTH_BYTES:
            found.append(f"{name}: {report}")
        if keep is not None:
            for finding in (*report.crashes, *report.slow):
                keep_input(keep, KeptInput(name, finding.what, finding.text))
    click.echo("\n".join(found), err=True)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
