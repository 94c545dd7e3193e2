"""``python -m nas_trial.nni [--space FILE] SCRIPT [ARGUMENTS]``: an NNI script as it is, alone or under a search."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from nascore.errors import NascoreError, NotFoundError
from nascore.space import SearchSpace

from nas_trial.annotated.program import read_space_file
from nas_trial.nni.script import ScriptTrial, provide_nni, run_as_main
from nas_trial.nni.scriptworker import work
from nas_trial.space_file import write_text

SPACE_FILE = "space.json"


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--space",
    "space_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Search space, ours or NNI's.  [default: that of the search]",
)
@click.argument("script", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(space_file: Path | None, script: Path, arguments: tuple[str, ...]) -> None:
    """Run a script that was written for NNI; `import nni` in it gives nascore's names.

    A search runs it once for each trial; without one it is run once, and gets no parameters.
    """
    if os.environ.get("NASCORE_TASK") == "space":
        write_text(_space(space_file).to_json(), os.environ)
    elif os.environ.get("NASCORE_SERVER"):
        sys.exit(work(ScriptTrial(script, arguments), _space(space_file), os.environ))
    else:
        provide_nni()
        run_as_main(script, arguments)


def _space(given: Path | None) -> SearchSpace:
    folder = os.environ.get("NASCORE_FOLDER", "")
    kept = Path(folder) / SPACE_FILE
    if given is None and not (folder and kept.is_file()):
        raise NotFoundError(
            "The search has no search space yet, and a script says none.",
            hint="Name it: `searchSpaceFile` in an experiment file, or `python -m nas_trial.nni --space FILE SCRIPT`.",
        )
    return read_space_file((kept if given is None else given).resolve())


if __name__ == "__main__":
    try:
        main()
    except NascoreError as error:
        sys.exit(f"{error}")
