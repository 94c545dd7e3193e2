"""``nascore check-tuner``: whether a tuner keeps the contract; what is wrong, why it matters, how to mend it."""

from __future__ import annotations

import click
from rich.table import Table

from nascore.cli.failure import FAILED
from nascore.cli.screen import emit_document, printable, say, show
from nascore.cli.tables import table_of
from nascore.cli.tunerchoice import is_address, options_of
from nascore.cli.tunerverb import insecure_option, settings_option
from nascore.cli.verb import Verb, json_option, quiet_option
from nascore.cli.wording import count_text
from nascore.errors import InvalidInputError
from nascore.record import JsonValue
from nascore.testing.conformance import (
    CHECKS,
    Examination,
    Finding,
    Report,
    Verdict,
    Way,
    examine,
    markdown_table,
    text_of,
)

_UNSEEN = {Verdict.SKIPPED: "left out: ", Verdict.NEEDLESS: "", Verdict.UNREACHED: ""}
_STYLES = {Verdict.KEPT: "green", Verdict.BROKEN: "red"}
_LISTING = "Checks: " + ", ".join(check.name for check in CHECKS) + "."


def _parse_skips(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    skipped = {}
    for text in values:
        name, _, reason = text.partition("=")
        skipped[name.strip()] = reason.strip()
    return skipped


@click.command("check-tuner", cls=Verb, epilog=_LISTING)
@click.argument("tuners", metavar="TUNER...", nargs=-1, required=True)
@settings_option
@insecure_option
@click.option("--only", multiple=True, metavar="CHECK", help="Only this check; may be repeated.")
@click.option(
    "--skip",
    "skipped",
    multiple=True,
    metavar="CHECK=REASON",
    callback=_parse_skips,
    help="Leave a check out; the reason is shown in the report. May be repeated.",
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of the questions.")
@click.option("--quick", "is_quick", is_flag=True, help="Look at less of everything.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="A call without an answer for so long counts as hanging.",
)
@click.option("--table", "as_table", is_flag=True, help="Print one row a tuner of a Markdown table.")
@json_option
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    *,
    tuners: tuple[str, ...],
    settings: dict[str, JsonValue],
    is_tuner_insecure: bool,
    only: tuple[str, ...],
    skipped: dict[str, str],
    seed: int,
    is_quick: bool,
    timeout_s: float,
    as_table: bool,
    as_json: bool,
    is_quiet: bool,
) -> None:
    """Check whether a tuner keeps the contract.

    TUNER is the name of an installed tuner, which is examined over gRPC and in this process, or an address
    (exec:COMMAND, grpc://HOST:PORT). Ends with 1 if any of them breaks the contract.
    """
    for tuner in tuners:
        _check_name(tuner)
    examination = Examination(
        settings=settings,
        seed=seed,
        is_quick=is_quick,
        only=only,
        skipped=skipped,
        timeout_s=timeout_s,
        insecure=is_tuner_insecure,
    )
    is_plain = not (as_json or as_table)
    reports = []
    for tuner in tuners:
        report = examine(tuner, examination, on_finding=None if is_quiet else _say)
        reports.append(report)
        if is_plain:
            _show(report)
    if as_json:
        documents = [report.to_json() for report in reports]
        emit_document(documents[0] if len(documents) == 1 else documents)
    elif as_table:
        click.echo(markdown_table(reports))
    if not all(report.conforms for report in reports):
        context.exit(FAILED)


def _check_name(tuner: str) -> None:
    """Refuse what is not installed, in the words of all verbs, before anything is begun."""
    if not tuner.strip():
        raise InvalidInputError("The name of the tuner is empty.", hint="`nascore tuners` lists those installed.")
    if not is_address(tuner):
        options_of(tuner)


def _say(finding: Finding) -> None:
    say(
        f"{finding.check.name} ({finding.way.value}): {finding.verdict.value}",
        style=_STYLES.get(finding.verdict, "dim"),
    )


def _show(report: Report) -> None:
    show(_table(report))
    for finding in report.broken:
        show("", printable(text_of(finding)))
    broken = len({finding.check.name for finding in report.broken})
    made = len({finding.check.name for finding in report.findings})
    name = printable(report.label or report.tuner)
    if broken:
        show("", f"{name} breaks the contract: {count_text(broken, 'check')} of {made} found something.")
        show(f"Begin with the first; others often follow from it. Alone: --only {report.broken[0].check.name}")
    else:
        show("", f"{name} keeps the contract (seed {report.seed}).")


def _table(report: Report) -> Table:
    ways = [way for way in Way if any(finding.way is way for finding in report.findings)]
    by_place = {(finding.check.name, finding.way): finding for finding in report.findings}
    table = table_of("check", *(way.value for way in ways), "what")
    table.columns[-1].no_wrap = False
    for check in CHECKS:
        found = [by_place.get((check.name, way)) for way in ways]
        if any(found):
            table.add_row(
                check.name, *(each.verdict.value if each else "" for each in found), _remark(check.what, found)
            )
    return table


def _remark(what: str, found: list[Finding | None]) -> str:
    """What was looked at, or the reason why it was in no way."""
    made = [finding for finding in found if finding is not None]
    if made and all(finding.verdict in _UNSEEN for finding in made):
        return f"{_UNSEEN[made[0].verdict]}{printable(made[0].sentence)}"
    return what
