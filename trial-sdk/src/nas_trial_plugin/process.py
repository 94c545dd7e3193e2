"""Runs a trial file in a helper process, and says in one sentence, with file and line, why it failed."""

from __future__ import annotations

import json
import linecache
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path

from nascore.errors import DeadlineError, InvalidInputError, NascoreError, NotFoundError, SettingsError

DEADLINE_S = 900
_FRAME = re.compile(r'  File "(?P<file>.+)", line (?P<line>\d+)')
_OWN = (
    "NASCORE_EXPERIMENT",
    "NASCORE_FOLDER",
    "NASCORE_SERVER",
    "NASCORE_SPACE",
    "NASCORE_TOKEN",
    "NASCORE_TOKEN_FILE",
    "NASCORE_WORKER",
)


class TrialFileError(NascoreError):
    """The trial file raised an exception; ``where`` is ``file:line`` and ``excerpt`` the line itself."""

    reason = "TRIAL_FILE_FAILED"

    def __init__(self, message: str, *, where: str = "", excerpt: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.where = where
        self.excerpt = excerpt


def run_trial_file(
    trial_file: Path, variables: Mapping[str, str], *, command: Sequence[str] = (), folder: Path | None = None
) -> str:
    """Runs a trial file with variables added to the environment, and returns what it wrote to its output.

    Args:
        trial_file: The file.
        variables: Added to the environment: ``NASCORE_TASK`` and what the task needs.
        command: The command of a worker; empty for this Python and the file.
        folder: Where it is run; the current folder by default.

    Raises:
        NotFoundError: There is no such file.
        TrialFileError: It raised an exception, or ended with another code than 0.
        DeadlineError: It did not end within `DEADLINE_S` seconds.
    """
    if not trial_file.is_file():
        raise NotFoundError(f"There is no file {trial_file}.", hint="Give the Python file that calls nas.run(...).")
    words = list(command) or [sys.executable, str(trial_file)]
    finished = _finished(words, variables, folder)
    if finished.returncode != 0:
        raise _failure(trial_file, finished.returncode, finished.stderr)
    return finished.stdout


def run_module(module: str, *arguments: str) -> str:
    """Runs a module of the SDK's as a program, and returns what it wrote to its output.

    Raises:
        InvalidInputError: It refused its arguments.
        TrialFileError: It ended with another error, which is shown.
        DeadlineError: It did not end within `DEADLINE_S` seconds.
    """
    finished = _finished([sys.executable, "-m", module, *arguments], {}, None)
    if finished.returncode == 0:
        return finished.stdout
    _, message = _last_traceback(finished.stderr)
    kind, _, text = message.partition(": ")
    if kind.startswith(("nascore.", "nas_trial.")):
        raise InvalidInputError(text)
    raise TrialFileError(f"{module} failed: {message or finished.stderr.strip()[-2000:]}", where=" ".join(arguments))


def _finished(
    words: Sequence[str], variables: Mapping[str, str], folder: Path | None
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in _OWN} | dict(variables)
    try:
        return subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeadlineError(f"{' '.join(words[1:])} did not end within {DEADLINE_S} seconds.") from None
    except OSError as error:
        raise SettingsError(f"{words[0]} cannot be run: {error.strerror}.") from None


def missing_output(trial_file: Path) -> TrialFileError:
    """The error for a trial file that ended well but did nothing."""
    return TrialFileError(
        f"{trial_file} ended without calling `nas.run(...)`.",
        where=str(trial_file),
        hint='End the file with `if __name__ == "__main__": nas.run(...)`.',
    )


def _failure(trial_file: Path, code: int, errors: str) -> TrialFileError:
    frames, message = _last_traceback(errors)
    if not message:
        last = errors.strip().splitlines()[-1:] or [f"exit code {code}"]
        return TrialFileError(f"{trial_file} failed: {last[0]}", where=str(trial_file))
    kind, _, text = message.partition(": ")
    is_ours = kind.startswith(("nascore.", "nas_trial."))
    shown = text if is_ours else f"{kind.rpartition('.')[2]}: {text}".rstrip(": ")
    file, line = _users_frame(frames, trial_file)
    if not file:
        return TrialFileError(shown, where=str(trial_file))
    excerpt = linecache.getline(file, line).rstrip()
    return TrialFileError(shown, where=f"{file}:{line}", excerpt=f"{line} | {excerpt}" if excerpt else "")


def _last_traceback(errors: str) -> tuple[list[tuple[str, int]], str]:
    """Files and lines of the last traceback, and its exception with the whole message."""
    lines = errors.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    body = lines[starts[-1] + 1 :] if starts else lines
    found = [(number, _FRAME.match(line)) for number, line in enumerate(body)]
    frames = [(match["file"], int(match["line"])) for _, match in found if match]
    last = max((number for number, match in found if match), default=None)
    if last is None:
        return [], ""
    # Below a frame stand lines of source, indented; the message begins at the margin and may go on indented.
    return frames, "\n".join(dropwhile(lambda line: not line or line[0].isspace(), body[last + 1 :])).rstrip()


def _users_frame(frames: Sequence[tuple[str, int]], trial_file: Path) -> tuple[str, int]:
    """The innermost frame in the trial file's own folder, else none."""
    home = trial_file.resolve().parent
    own = [
        (file, line) for file, line in frames if home in Path(file).resolve().parents and "site-packages" not in file
    ]
    return own[-1] if own else ("", 0)


@dataclass(frozen=True, slots=True)
class Begun:
    """How an experiment's workers were begun.

    Attributes:
        command: Their command; empty for this Python and the trial file.
        folder: The folder that they ran in; ``None`` if it is not there any more.
        variables: Variables of the environment that say what they build.
    """

    command: tuple[str, ...] = ()
    folder: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def run_file(folder: Path) -> Begun:
    """How an experiment's workers were begun, as far as ``run.json`` says it."""
    try:
        document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        cwd = Path(document["cwd"])
        hub = {"NASCORE_SPACE": str(document["hub"])} if document.get("hub") else {}
        return Begun(tuple(str(word) for word in document["command"]), cwd if cwd.is_dir() else None, hub)
    except (OSError, ValueError, KeyError, TypeError):
        return Begun()
