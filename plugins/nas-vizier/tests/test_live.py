"""Vizier's own service with our policies: the tests in ``live``, in a process that finds Vizier's requirements.

``benchmarks/peers.sh`` makes an environment with them, since they do not go together with ours in one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[2] / ".venv-vizier"


@pytest.mark.slow
@pytest.mark.timeout(650)
def test_viziers_own_service_searches_with_our_tuners():
    packages = list(ENVIRONMENT.glob("lib/python*/site-packages"))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if not packages or packages[0].parent.name != version:
        missing = f"Vizier's requirements are not installed for {version}: run benchmarks/peers.sh vizier"
        pytest.fail(missing) if os.environ.get("NASCORE_REQUIRE_ALL") else pytest.skip(missing)
    # Vizier and its requirements warn about each other; what is ours is looked at without them as well.
    command = [sys.executable, "-m", "pytest", "-q", "-x", str(HERE / "live"), "-o", "filterwarnings=default"]
    environ = {**os.environ, "NAS_VIZIER_PACKAGES": str(packages[0])}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environ, timeout=600, cwd=HERE.parents[2]
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
