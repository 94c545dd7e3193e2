#!/usr/bin/env bash
# Makes .venv-vizier with google-vizier, a peer whose requirements do not go together with ours. Takes a few minutes.
#
#     benchmarks/peers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.venv-vizier
test -x "$folder/bin/python" || "${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'google-vizier[jax]==0.1.24' 'jax==0.4.34' 'jaxlib==0.4.34'
"$folder/bin/python" -c 'from vizier.service import clients, servers'
