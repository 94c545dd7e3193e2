"""The main job on real data: search networks for handwritten digits, export the best one, and run it on its own.

Called by ``make demo``; takes about two minutes on two CPU cores. Everything it does is printed as the command a user
would type, and each of these commands works on its own.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"


def run(command: str) -> None:
    """Print and run one command in the demo's folder; a failure ends the demo."""
    sys.stdout.write(f"\n$ {command}\n")
    sys.stdout.flush()
    arguments = shlex.split(command)
    arguments[0] = shutil.which(arguments[0]) or arguments[0]
    environment = {**os.environ, "NASCORE_HOME": str(HOME / "home")}
    status = subprocess.run(arguments, cwd=HOME / "digits", env=environment, check=False).returncode
    if status:
        sys.exit(f"The command above ended with status {status}.")


def main() -> None:
    """Run the demo."""
    begun = time.monotonic()
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "digits").mkdir(parents=True)
    run("nascore hello .")
    run("nascore space trial.py")
    settings = "--population-size 12 --sample-size 4"
    run(f"nascore run trial.py --tuner evolution --trials 40 --parallel 2 --seed 1 {settings}")
    run("nascore best last")
    run("nascore export last --best -o best.json")
    run("nascore export last --best --code model.py")
    run(f"{shlex.quote(sys.executable)} model.py")
    sys.stdout.write(f"\nDone in {time.monotonic() - begun:.0f} s. Everything is in {HOME.relative_to(ROOT)}/digits.\n")


if __name__ == "__main__":
    main()
