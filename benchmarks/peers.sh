#!/usr/bin/env bash
# Makes .venv-vizier with google-vizier, and .venv-nni with NNI 3.0, peers whose requirements do not go together with
# ours. Takes a few minutes. NNI is given our torch, and of its requirements only what its one-shot layers import.
#
#     benchmarks/peers.sh            # both
#     benchmarks/peers.sh vizier     # one
set -euo pipefail
cd "$(dirname "$0")/.."
peers=" ${*:-vizier nni} "

if [[ "$peers" == *" vizier "* ]]; then
  folder=.venv-vizier
  test -x "$folder/bin/python" || "${PYTHON:-python3}" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'google-vizier[jax]==0.1.24' 'jax==0.4.34' 'jaxlib==0.4.34'
  "$folder/bin/python" -c 'from vizier.service import clients, servers'
fi

if [[ "$peers" == *" nni "* ]]; then
  folder=.venv-nni
  ours=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  test -x "$folder/bin/python" || .venv/bin/python -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps nni==3.0 pytorch_lightning==2.0.9 lightning_utilities torchmetrics==1.2.1
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check astor cloudpickle colorama filelock 'json_tricks>=3.15.4' prettytable pyyaml schema 'typeguard>=3,<4.1.3' websockets responses fsspec aiohttp
  # addsitedir, for what is installed to be edited stands in .pth files of its own.
  echo "import site; site.addsitedir('$ours')" >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz-ours.pth"
  "$folder/bin/python" -W ignore -c 'from nni.nas.oneshot.pytorch.supermodule import differentiable'
fi
