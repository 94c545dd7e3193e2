"""Where Vizier's service can be tried: its own requirements are not among ours, see ``test_live``."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

if packages := os.environ.get("NAS_VIZIER_PACKAGES"):
    # At the end, so that only what is missing here is taken from there.
    sys.path.append(packages)

collect_ignore = [] if find_spec("jax") else ["live"]
