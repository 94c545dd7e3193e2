"""How large a space may be: bounds that keep every operation interactive and every reader safe.

The same bounds stand in ``protos/nascore/v1/space.proto``, so that a space that can be built can also be sent.
"""

from __future__ import annotations

MAX_DEPTH = 30
"""Nodes nested in each other, and operations in each other; protobuf's readers stop a little above."""

MAX_NODES = 20_000
"""Nodes in the whole tree, each use of a shared label counted."""

MAX_DECISIONS = 200_000
"""Rows of the decision table, each copy of a free repeat counted."""

MAX_CANDIDATES = 200_000
"""Candidates in the whole tree."""

MAX_COUNT = 1000
"""Copies of a repeat."""

MAX_CHOSEN = 512
"""Candidates of a SomeOf, and how many of them may be chosen."""

MAX_SELECTION = 2**20
"""Over all SomeOf, the sum of candidates times the most that may be chosen: what counting their subsets costs."""

MAX_LABEL = 256
"""Characters of a label, a key, or the name of a constraint."""

MAX_PATH = 2 * MAX_DEPTH * (3 * MAX_LABEL + 8)
"""Characters of a path: two segments for each level, every character escaped, and the number of a copy."""

MAX_TEXT = 4096
"""Characters of a literal text."""

MAX_WEIGHTS = 1_000_000
"""Weights of a mixture."""
