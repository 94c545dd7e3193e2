"""Plugins are found by metadata, loaded by need, and harm nobody when they are broken."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from nascore.errors import NotFoundError, PluginError
from nascore.tuner.contract import Tuner
from nascore.tuner.plugins import COMMANDS, TUNERS, Plugins, PluginState, PluginStatus, load_tuner, package_of

Install = Callable[..., Path]

GOOD = """
from nascore.record import Proposal
from nascore.tuner import Tuner, hookimpl

NASCORE_PLUGIN_API = 1

class Fine(Tuner):
    name = "fine"
    def ask(self, number, seed):
        return Proposal(number, self.space.default())
    def tell(self, proposal, outcome):
        pass

@hookimpl
def nascore_tuners():
    return {"NAME": Fine}
"""

NO_API = GOOD.replace("NASCORE_PLUGIN_API = 1", "")
NEW_API = GOOD.replace("NASCORE_PLUGIN_API = 1", "NASCORE_PLUGIN_API = 2")
MISSPELT = GOOD.replace("nascore_tuners", "nascore_tuner")
WRONG_ARGUMENTS = GOOD.replace("nascore_tuners()", "nascore_tuners(spaces)")
OTHER_KEY = GOOD.replace("NAME", "other")
NO_HOOK = "NASCORE_PLUGIN_API = 1\n"
NO_TUNER = GOOD.replace('"NAME": Fine', '"NAME": 7')
NO_MAPPING = GOOD.replace('{"NAME": Fine}', "[Fine]")
RAISING_HOOK = GOOD.replace('return {"NAME": Fine}', 'raise RuntimeError("no tuners today")')

BROKEN = [
    ("syntax", "def (", PluginState.IMPORT_ERROR, "SyntaxError"),
    ("missing-module", "import no_such_module_at_all", PluginState.IMPORT_ERROR, "no_such_module_at_all"),
    ("raises", "1 / 0", PluginState.IMPORT_ERROR, "ZeroDivisionError"),
    ("exits", "raise SystemExit(3)", PluginState.IMPORT_ERROR, "SystemExit"),
    ("raising-hook", RAISING_HOOK, PluginState.IMPORT_ERROR, "no tuners today"),
    ("no-api", NO_API, PluginState.WRONG_API, "does not declare NASCORE_PLUGIN_API = 1"),
    ("new-api", NEW_API, PluginState.WRONG_API, "speaks plugin API 2; this nascore speaks 1"),
    ("misspelt", MISSPELT, PluginState.WRONG_API, "unknown hook 'nascore_tuner'"),
    ("wrong-arguments", WRONG_ARGUMENTS, PluginState.WRONG_API, "spaces"),
    ("other-key", OTHER_KEY, PluginState.WRONG_API, "returns other, but the entry point promises 'other-key'"),
    ("no-hook", NO_HOOK, PluginState.WRONG_API, "has no function nascore_tuners"),
    ("no-tuner", NO_TUNER, PluginState.WRONG_API, "is 7, not a subclass of nascore.tuner.Tuner"),
    ("no-mapping", NO_MAPPING, PluginState.WRONG_API, "must return a mapping"),
]


def put(install: Install, name: str, source: str, *, version: str = "1.2.3") -> None:
    module = f"plugin_{name.replace('-', '_')}"
    install(
        f"dist-{name}",
        modules={module: source.replace("NAME", name)},
        entry_points=f"[nascore.tuners]\n{name} = {module}\n",
        version=version,
    )


def status_of(name: str) -> PluginStatus:
    return next(status for status in Plugins(TUNERS, environ={}).status() if status.name == name)


def test_good_plugin_loads_with_its_version(install: Install) -> None:
    put(install, "fine-one", GOOD)
    tuner, version = load_tuner("fine-one", environ={})
    assert issubclass(tuner, Tuner)
    assert version == "1.2.3"
    assert status_of("fine-one").state is PluginState.OK


@pytest.mark.parametrize(("name", "source", "state", "reason"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken_plugin_says_why_and_harms_nobody(
    install: Install, name: str, source: str, state: PluginState, reason: str
) -> None:
    put(install, name, source)
    put(install, f"fine-beside-{name}", GOOD)
    status = status_of(name)
    assert status.state is state
    assert reason in status.reason
    assert status.remedy
    assert status.value is None
    assert (status.distribution, status.version) == (f"dist-{name}", "1.2.3")
    with pytest.raises(PluginError, match=f"dist-{name} 1.2.3") as caught:
        Plugins(TUNERS, environ={}).load(name)
    assert caught.value.hint == status.remedy
    assert Plugins(TUNERS, environ={}).load(f"fine-beside-{name}")


def test_listing_names_imports_nothing(install: Install) -> None:
    put(install, "explosive", "import os; os._exit(9)")
    assert "explosive" in Plugins(TUNERS, environ={}).names()


def test_installed_strategies_load_in_a_fresh_process() -> None:
    code = (
        "from nascore.tuner.plugins import Plugins, TUNERS\n"
        "import sys\n"
        "found = Plugins(TUNERS)\n"
        "assert not {'nas_random', 'nas_evolution'} & set(sys.modules)\n"
        "assert {'random', 'evolution', 'regularized-evolution'} <= set(found.names())\n"
        "assert found.load('evolution') is found.load('regularized-evolution')\n"
        "assert 'nas_random' not in sys.modules and 'torch' not in sys.modules and 'grpc' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name_gets_a_guess_and_a_command() -> None:
    with pytest.raises(NotFoundError) as caught:
        Plugins(TUNERS, environ={}).load("regularised-evolution")
    assert "Did you mean 'regularized-evolution'?" in caught.value.hint
    assert "pip install" in caught.value.hint


def test_unknown_name_of_a_known_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(NotFoundError, match="pip install nas-evolution"):
        Plugins(TUNERS, environ={}).load("evolution")


def test_every_tuner_of_ours_is_known_by_its_package() -> None:
    ours = {package_of(name) for name in ("random", "evolution", "enas", "darts", "tpe")}
    offered = [entry for entry in metadata.entry_points(group=TUNERS) if entry.dist and entry.dist.name in ours]
    assert {entry.name: package_of(entry.name) for entry in offered} == {
        entry.name: entry.dist.name for entry in offered if entry.dist
    }
    assert package_of("nobody's") == ""


@pytest.mark.parametrize("limit", ["fine-two", "DIST_fine.two", "other, fine-two"])
def test_limit_admits_names_and_distributions(install: Install, limit: str) -> None:
    put(install, "fine-two", GOOD)
    plugins = Plugins(TUNERS, environ={"NASCORE_PLUGINS": limit})
    assert plugins.names() == ("fine-two",)
    assert plugins.load("fine-two")
    blocked = next(status for status in plugins.status() if status.name == "random")
    assert blocked.state is PluginState.BLOCKED
    with pytest.raises(PluginError, match="NASCORE_PLUGINS does not name it"):
        plugins.load("random")


def test_empty_limit_blocks_all(install: Install) -> None:
    put(install, "fine-three", GOOD)
    assert Plugins(TUNERS, environ={"NASCORE_PLUGINS": ""}).names() == ()


def test_name_offered_twice_is_refused_until_one_is_chosen(install: Install) -> None:
    put(install, "twice", GOOD)
    install(
        "other-dist",
        modules={"plugin_other": GOOD.replace("NAME", "twice")},
        entry_points="[nascore.tuners]\ntwice = plugin_other\n",
    )
    with pytest.raises(PluginError, match="dist-twice, other-dist"):
        Plugins(TUNERS, environ={}).load("twice")
    assert Plugins(TUNERS, environ={"NASCORE_PLUGINS": "other-dist"}).load("twice").__module__ == "plugin_other"


def test_entry_point_that_names_no_module_is_wrong(install: Install) -> None:
    install("odd", modules={}, entry_points="[nascore.tuners]\nodd = some_module:attribute\n")
    status = status_of("odd")
    assert status.state is PluginState.WRONG_API
    assert "must name a module" in status.reason


def test_damaged_metadata_is_passed_over(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install("damaged", modules={}, entry_points="[nascore.tuners]\nthis is no entry point\n")
    with caplog.at_level(logging.WARNING):
        assert "random" in Plugins(TUNERS, environ={}).names()
    assert "damaged metadata" in caplog.text


def test_commands_must_be_commands(install: Install) -> None:
    source = """
    from nascore.tuner import hookimpl
    NASCORE_PLUGIN_API = 1
    @hookimpl
    def nascore_commands():
        return {"dance": "not a command"}
    """
    install("dance-dist", modules={"plugin_dance": source}, entry_points="[nascore.commands]\ndance = plugin_dance\n")
    status = next(status for status in Plugins(COMMANDS, environ={}).status() if status.name == "dance")
    assert status.state is PluginState.WRONG_API
    assert "not a click command" in status.reason
