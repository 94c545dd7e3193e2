"""Failures: what a person sees when something went wrong. One block: what, where, how to mend it, and a stable code.

Exit codes: 0 done; 1 it was tried and failed; 2 what was typed or written in a file cannot be right, and nothing was
begun; 130 and 143 interrupted by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass

import click
from rich.table import Table
from rich.text import Text

from nascore.cli.screen import prose, tell
from nascore.cli.suggestion import did_you_mean
from nascore.errors import InvalidInputError, NascoreError, SettingsError

DONE = 0
FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130
TERMINATED = 143


_NO_WRITING = "Choose a place that you may write to: `-o` for a file, `--home` or NASCORE_HOME for experiments."
_OS_FIXES = {
    errno.EACCES: _NO_WRITING,
    errno.EPERM: _NO_WRITING,
    errno.EROFS: _NO_WRITING,
    errno.ENOENT: "Check the path; its folder must be there.",
    errno.ENOTDIR: "Check the path: a part of it is a file.",
    errno.ENAMETOOLONG: "Choose a shorter path.",
    errno.ENOSPC: "Make room on the disk.",
    errno.EDQUOT: "Make room: the quota is used up.",
}


@dataclass(frozen=True, slots=True)
class Block:
    """What is shown of an error.

    Attributes:
        what: What was wrong, with the value.
        code: Stable code.
        where: ``file:line``, path of a field, or empty.
        excerpt: The line of the file that ``where`` names, or the last lines of a log.
        findings: Single findings, where there are several.
        fix: What to do about it.
        exit_code: The code the process ends with.
    """

    what: str
    code: str
    where: str = ""
    excerpt: str = ""
    findings: tuple[str, ...] = ()
    fix: str = ""
    exit_code: int = FAILED


class WrongUsageError(click.UsageError):
    """The command line is wrong, and there is something better to say than "see --help"."""

    def __init__(self, message: str, *, fix: str = "", context: click.Context | None = None) -> None:
        super().__init__(message, context)
        self.fix = fix


class InputFileError(SettingsError):
    """A file that a person wrote is not valid; names file and line, and quotes the line.

    Args:
        message: What was wrong, with the value.
        where: ``file:line``.
        excerpt: The line itself, with its number.
        hint: How to mend it.
    """

    def __init__(self, message: str, *, where: str, excerpt: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.where = where
        self.excerpt = excerpt


class SearchFailedError(NascoreError):
    """A search ended without a result; the reason and the last lines of what was printed are shown."""

    reason = "SEARCH_FAILED"

    def __init__(self, message: str, *, where: str = "", excerpt: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.where = where
        self.excerpt = excerpt


class NotBegunError(SearchFailedError):
    """The workers of a new search could not begin, so there is nothing to keep of it."""


def block_of(error: BaseException) -> Block:
    """Return what is shown of an error."""
    if isinstance(error, click.ClickException):
        return _usage_block(error)
    if isinstance(error, NascoreError):
        return _nascore_block(error)
    if isinstance(error, OSError):
        where = str(error.filename) if error.filename is not None else ""
        fix = _OS_FIXES.get(error.errno or 0, "")
        return Block(what=f"{error.strerror or error}.", code="OS_ERROR", where=where, fix=fix)
    return Block(
        what=f"{type(error).__name__}: {error}",
        code="INTERNAL",
        fix="This is a defect of nascore. Run it again with `--debug` and report what it prints.",
    )


def _usage_block(error: click.ClickException) -> Block:
    fix = ""
    if isinstance(error, click.NoSuchOption):
        fix = did_you_mean(error.option_name, _options_of(error.ctx))
        message = f"No option `{error.option_name}`."
    elif isinstance(error, click.BadParameter):
        message, fix = _parameter_text(error)
    elif isinstance(error, WrongUsageError):
        message, fix = error.message, error.fix
    else:
        message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None and not fix:
        fix = f"See `{context.command_path} --help`."
    return Block(what=message, code="WRONG_USAGE", fix=fix, exit_code=WRONG_INPUT)


def _parameter_text(error: click.BadParameter) -> tuple[str, str]:
    if isinstance(error, click.MissingParameter):
        return error.format_message(), ""
    name = error.param.opts[-1] if isinstance(error.param, click.Option) else ""
    name = name or (error.param.human_readable_name if error.param is not None else "")
    text, _, fix = error.message.partition("\n")
    return (f"{name}: {text}" if name else text), fix


def _options_of(context: click.Context | None) -> list[str]:
    if context is None:
        return []
    return [name for parameter in context.command.get_params(context) for name in parameter.opts]


def _nascore_block(error: NascoreError) -> Block:
    several = len(error.violations) > 1
    return Block(
        what=error.message,
        code=error.reason,
        where=getattr(error, "where", "") or (error.violations[0].field if len(error.violations) == 1 else ""),
        excerpt=getattr(error, "excerpt", ""),
        findings=tuple(text for each in error.violations if several and (text := str(each)) not in error.message),
        fix=error.hint,
        exit_code=WRONG_INPUT if isinstance(error, InvalidInputError) else FAILED,
    )


def show_failure(error: BaseException, *, is_debug: bool) -> int:
    """Print an error on stderr and return the exit code; with ``is_debug`` the traceback comes first."""
    if is_debug:
        tell(Text("".join(traceback.format_exception(error)).rstrip(), style="dim"))
    block = block_of(error)
    tell(render_block(block))
    return block.exit_code


def render_block(block: Block) -> Table:
    """Return a block as it stands on the screen."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_row(Text("error", style="bold red"), prose(block.what))
    for finding in block.findings:
        rows.add_row("", prose(f"- {finding}"))
    if block.where:
        rows.add_row(Text("where", style="cyan"), prose(block.where))
    if block.excerpt:
        rows.add_row("", prose(block.excerpt, style="dim"))
    if block.fix:
        rows.add_row(Text("fix", style="green"), prose(block.fix))
    rows.add_row(Text("code", style="dim"), Text(f"[{block.code}]", style="dim"))
    return rows
