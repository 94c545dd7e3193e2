"""Which files of an offer may be written again, for a blob of just their length: so no byte of an earlier one stays.

Not here: the files themselves (``offers``).
"""

from __future__ import annotations

import threading


class Spares:
    """Files of one folder, named by the digests of what is in them. Thread-safe."""

    def __init__(self) -> None:
        self._sizes: dict[int, dict[str, None]] = {}  # Length -> names of files that may be written again.
        self._laid: dict[str, int] = {}  # What was laid down for the upload at work, and how long it is.
        self._is_open = True
        self._guard = threading.Lock()  # Guards the three above.

    @property
    def kept_bytes(self) -> int:
        """Bytes of the files that may be written again."""
        with self._guard:
            return sum(size * len(names) for size, names in self._sizes.items())

    def take(self, digest: str, size: int) -> str:
        """Return a file to write again, that of the digest itself if it is there; empty if there is none."""
        with self._guard:
            self._is_open = True
            names = self._sizes.get(size)
            if not names:
                return ""
            if digest in names:
                del names[digest]
                return digest
            return names.popitem()[0]

    def lay_down(self, digest: str, size: int) -> bool:
        """Note that a file is the server's to copy; `False` if the upload that it was for has ended meanwhile."""
        with self._guard:
            if self._is_open:
                self._laid[digest] = size
            return self._is_open

    def settle(self, *, limit: int) -> list[str]:
        """End an upload: keep ``limit`` bytes of what was laid down and of what was not needed, and return the rest."""
        with self._guard:
            unneeded = [(name, size) for size, names in self._sizes.items() for name in names]
            found = [*self._laid.items(), *unneeded]
            self._sizes, self._laid, self._is_open = {}, {}, False
            rest = []
            for name, size in found:
                if size > limit:
                    rest.append(name)
                else:
                    limit -= size
                    self._sizes.setdefault(size, {})[name] = None
            return rest
