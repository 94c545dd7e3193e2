"""``nascore katib`` and ``nascore-katib``: serve a tuner to Katib."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import click
from nascore.cli.failure import show_failure
from nascore.errors import NascoreError
from nascore.eventloop import loop_factory
from nascore.tuner.retellings import MOST_OPEN, Retellings

from nas_katib.server import PORT, serving


@click.command("katib")
@click.option("--tuner", required=True, metavar="NAME", help="Installed tuner, exec:COMMAND or grpc://HOST:PORT.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 in a container.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 for a free one.")
@click.option("--insecure", is_flag=True, help="Listen where other machines reach it; speak to a grpc:// tuner there.")
@click.option(
    "--experiments",
    type=click.IntRange(1, 1024),
    default=MOST_OPEN,
    show_default=True,
    metavar="N",
    help="Tuners kept running; those of more experiments are started again when they are asked.",
)
def katib_command(*, tuner: str, host: str, port: int, insecure: bool, experiments: int) -> None:
    """Serve a tuner to Kubeflow Katib, as a suggestion service.

    Prints the address once it serves. Ctrl-C or SIGTERM finishes what is at work and ends with exit code 0.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(Retellings(tuner, insecure=insecure, most_open=experiments), host, port, insecure=insecure))


async def _serve(retellings: Retellings, host: str, port: int, *, insecure: bool) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    async with serving(retellings, host=host, port=port, insecure=insecure) as address:
        click.echo(f"Serving Katib at {address}")
        await ending.wait()


def main() -> None:
    """Run the command by itself."""
    try:
        katib_command.main()
    except NascoreError as error:
        sys.exit(show_failure(error, is_debug=False))
