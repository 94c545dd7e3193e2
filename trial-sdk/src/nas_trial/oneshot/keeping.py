"""When a search is saved: after an epoch, at the latest after some time, and when the worker wishes it."""

from __future__ import annotations

import time
from collections.abc import Callable

from nascore.errors import ExhaustedResourceError, UnsupportedError

from nas_trial.oneshot.options import SearchOptions
from nas_trial.oneshot.saved import SavedSearch, SavedSearches
from nas_trial.progress import write_line


class Keeper:
    """Saves a search now and then.

    Args:
        searches: Where; ``None`` saves nothing.
        options: How often.
        clock: Monotonic seconds.
    """

    def __init__(
        self, searches: SavedSearches | None, options: SearchOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._searches = searches
        self._options = options
        self._clock = clock
        self._saved_at = clock()
        self._has_new_epoch = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to save."""
        passed_s = self._clock() - self._saved_at
        is_wanted = self._has_new_epoch or passed_s >= self._options.save_every_s
        return self._searches is not None and is_wanted and passed_s >= self._options.save_rest_s

    def epoch_ended(self) -> None:
        """Note that an epoch has ended."""
        self._has_new_epoch = True

    def last(self) -> SavedSearch | None:
        """Return what was saved last; ``None`` for nothing."""
        return None if self._searches is None else self._searches.last()

    def save(self, make: Callable[[], SavedSearch]) -> None:
        """Save what ``make`` returns; a search that cannot be saved goes on, and the log says so."""
        if self._searches is None:
            return
        try:
            self._searches.put(make())
        except UnsupportedError as error:
            write_line(f"The search is not saved: {error}")
            self._searches = None
        except ExhaustedResourceError as error:
            write_line(f"The search was not saved now: {error}")
        self._saved_at, self._has_new_epoch = self._clock(), False

    def forget(self) -> None:
        """Release what was saved."""
        if self._searches is not None:
            self._searches.forget()
