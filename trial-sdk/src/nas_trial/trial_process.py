"""A trial's process, as the supervisor has it of the template: started, heard of, killed.

The template forks it and is its parent, so the template alone learns how it ended. Not here: what is said to it
(``supervisor``), and the template (``nas_trial.isolation.template``).
"""

from __future__ import annotations

from contextlib import suppress

from nascore.errors import NascoreError

from nas_trial.isolation import Channel


class TemplateDied(NascoreError):
    """The template is gone, so no further trial can be started from here."""

    reason = "INTERNAL"


class TrialProcess:
    """A process that the template forked.

    Attributes:
        channel: Our end of its channel.
        status: How it ended, as ``os.waitpid`` gives it; ``None`` while that is not known.
    """

    def __init__(self, identifier: int, channel: Channel, template: Channel) -> None:
        self.channel = channel
        self.status: int | None = None
        self._identifier = identifier
        self._template = template

    @classmethod
    def start(cls, identifier: int, template: Channel) -> TrialProcess:
        """Have the template fork a process under a number of its own.

        Raises:
            TemplateDied: The template is gone.
        """
        ours, its = Channel.pair()
        try:
            template.send({"start": identifier}, descriptor=its.fileno())
        except OSError as error:
            raise TemplateDied("The worker's template process is gone.") from error
        finally:
            its.close()
        return cls(identifier, ours, template)

    def heed_template(self) -> bool:
        """Take the template's word that a process has ended; returns whether the template is there.

        The end of the channel alone would not do: processes that a trial forked may hold it open.
        """
        message = self._template.receive()
        if message is not None and message["exited"] == self._identifier:
            self.status = int(message["status"])
        return message is not None

    def kill(self) -> None:
        """Have the template kill it at once."""
        # If the template is gone, so are its children.
        with suppress(OSError):
            self._template.send({"kill": self._identifier})

    def status_within(self, wait_s: float) -> int | None:
        """Return how it ended, waiting so many seconds for each word of the template; ``None`` if it says nothing."""
        while self.status is None and self._template.has_message(wait_s):
            if not self.heed_template():
                break
        return self.status
