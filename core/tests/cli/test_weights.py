"""The verbs of weights: on a folder, a URL, an experiment and a server."""

import json
import signal
import stat

import pytest
from nascore.weights import DirectoryStore, ObjectStore, TensorData

STEM, HEAD = TensorData("F32", (2, 3), bytes(range(24))), TensorData("U8", (70_000,), bytes(70_000))
READING = (["ls"], ["show", "best"], ["lineage", "best"], ["verify"], ["verify", "best"], ["gc"])


def filled(store):
    """Three checkpoints, the third a child of the first, which has a name."""
    first = store.put({"stem": STEM, "head": HEAD}, trial=0, metrics={"accuracy": 0.5}, name="best")
    second = store.put({"stem": STEM}, trial=1, experiment="other", name="best")
    third = store.put(
        {"stem": STEM, "nothing": TensorData("F64", (0,), b"")}, trial=2, parents=[first], name="last-one"
    )
    store.close()
    return first, second, third


@pytest.fixture
def made(tmp_path):
    return filled(DirectoryStore(tmp_path / "store"))


@pytest.mark.parametrize("words", READING)
def test_a_store_that_is_not_there_is_refused(invoke, words, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in ("./none", "./empty"):
        shown = invoke("weights", *words, "--store", place)
        assert shown.exit_code == 1
        assert f"There is no store of weights in {place}" in shown.stderr
        assert shown.stdout == ""
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["show", "bets", "--store", "store"], "Did you mean `best`, `last-one`"),
        (["show", "0000", "--store", "store"], "There is no checkpoint `0000` in store"),
        (["show", "", "--store", "store"], "There is no checkpoint"),
        (["show", "../../etc/passwd", "--store", "store"], "There is no checkpoint"),
        (["export", "best", "-o", "x", "--key", "tail", "--store", "store"], "no tensor 'tail'"),
        (["export", "best", "--store", "store"], "Missing option '-o'"),
        (["export", "best", "-o", "none/x", "--store", "store"], "OS_ERROR"),
        (["lineage", "best", "--depth", "0", "--store", "store"], "0 is too small"),
        (["gc", "--stale-after", "soon", "--store", "store"], "is not a duration"),
        (["gc", "last"], "`gc` is about a whole store, which is named by --store; `last` is no option"),
        (["ls", "last"], "Write `nascore weights ls --store last`"),
        (["ls", "best; rm", "--json"], "Write `nascore weights ls --store 'best; rm'`"),
        (["ls"], "--store was not given, so the last experiment's was meant. There is no experiment 'last' in "),
        (["show", "best"], "--store takes a folder, a URL, or an experiment"),
        (
            ["ls", "--store", "elsewhere"],
            "`--store elsewhere` is no folder with one, so an experiment was meant. There is no experiment",
        ),
        (["ls", "--store", "nosuch://x"], "nosuch"),
        (["ls", "--store", "store", "--server", "unix:/none"], "cannot be given together"),
        (["serve", "store", "--tls-cert", "store/log.jsonl"], "belong together"),
        (["shw", "best"], "shw"),
    ],
)
def test_wrong_usage_says_what_is_wrong(invoke, made, words, text, tmp_path):
    shown = invoke("weights", *words)
    assert shown.exit_code in (1, 2)
    assert text.replace("`, `last-one`", "") in shown.stderr
    assert shown.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["store"]


def test_checkpoints_are_listed_with_their_names(invoke, made):
    rows = json.loads(invoke("weights", "ls", "--store", "store", "--json").stdout)
    assert [row["checkpoint"] for row in rows] == list(made)
    assert [row["names"] for row in rows] == [["best"], ["other/best"], ["last-one"]]
    assert [row["size"] for row in rows] == [70_024, 24, 24]
    few = json.loads(invoke("weights", "ls", "--store", "store", "--experiment", "other", "--json").stdout)
    assert [row["trial"] for row in few] == [1]
    assert json.loads(invoke("weights", "ls", "--store", "store", "--trial", "7", "--json").stdout) == []
    assert "70.0 kB" in invoke("weights", "ls", "--store", "store").stdout


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_checkpoint_is_found_by_id_beginning_and_name(invoke, made, place):
    names = ("best", "other/best", "last-one")
    for wanted in (made[place], made[place][:12], names[place], *(["last"] if place == 2 else [])):
        shown = json.loads(invoke("weights", "show", wanted, "--store", "store", "--json").stdout)
        assert shown["checkpoint"] == made[place]


def test_a_name_counts_more_than_the_beginning_of_an_id(invoke, tmp_path):
    store = DirectoryStore(tmp_path / "store")
    made = [store.put({"n": TensorData("U8", (1,), bytes([number]))}, trial=number) for number in range(20)]
    name = made[0][:1]
    store.put({"stem": STEM}, trial=99, name=name)
    store.close()
    shown = json.loads(invoke("weights", "show", name, "--store", "store", "--json").stdout)
    assert shown["trial"] == 99


def test_a_beginning_of_several_ids_names_some_of_them(invoke, tmp_path):
    store = DirectoryStore(tmp_path / "store")
    made = [store.put({"n": TensorData("U8", (1,), bytes([number]))}, trial=number) for number in range(20)]
    store.close()
    near = {start: [one[:12] for one in made if one.startswith(start)] for start in "0123456789abcdef"}
    for start, several in near.items():
        if len(several) > 1:
            rest = " …" if len(several) > 3 else ""
            said = invoke("weights", "show", start, "--store", "store").stderr.replace("\n", " ")
            assert f"`{start}` begins {len(several)} checkpoints: {', '.join(several[:3])}{rest}" in said


def test_a_checkpoint_is_shown_with_its_story_and_tensors(invoke, made):
    document = json.loads(invoke("weights", "show", "best", "--store", "store", "--json").stdout)
    assert (document["trial"], document["metrics"], document["parents"]) == (0, {"accuracy": 0.5}, [])
    assert [(row["key"], row["shape"]) for row in document["tensors"]] == [("stem", [2, 3]), ("head", [70_000])]
    shown = invoke("weights", "show", "--store", "store").stdout
    assert f"parents     {made[0][:12]}" in shown
    assert "2×3" in shown
    assert "24 B in 2 tensors" in shown
    assert "70.0 kB in 2 tensors" in invoke("weights", "show", "best", "--store", "store").stdout
    assert "24 B in 1 tensor\n" in invoke("weights", "show", "other/best", "--store", "store").stdout


def test_an_exported_file_opens_with_the_safetensors_library(invoke, made, tmp_path):
    safetensors = pytest.importorskip("safetensors", reason="needs the safetensors library")
    (tmp_path / "x").write_text("what was there")
    assert invoke("weights", "export", "best", "-o", "x", "--store", "store").stdout == "x\n"
    with safetensors.safe_open(tmp_path / "x", framework="np") as file:
        assert sorted(file.keys()) == ["head", "stem"]
        assert file.get_tensor("stem").tobytes() == STEM.data
    invoke("weights", "export", "best", "-o", "y", "--key", "stem", "--store", "store")
    with safetensors.safe_open(tmp_path / "y", framework="np") as file:
        assert list(file.keys()) == ["stem"]


def test_gc_removes_what_nobody_names(invoke, made, tmp_path):
    with_store = DirectoryStore(tmp_path / "store")
    with_store.unname("default", "best")
    with_store.release(made[0])
    with_store.close()
    would = invoke("weights", "gc", "--dry-run", "--store", "store")
    asked = json.loads(invoke("weights", "gc", "--dry-run", "--store", "store", "--json").stdout)
    document = json.loads(invoke("weights", "gc", "--store", "store", "--json").stdout)
    assert document["bytes"] > 70_000
    assert asked == document
    assert would.stdout == f"Would remove 1 file and 0 stale uploads: {document['bytes']:,} bytes.\n"
    assert invoke("weights", "gc", "--store", "store").stdout == "Removed 0 files and 0 stale uploads: 0 bytes.\n"


def test_verify_names_what_is_damaged_and_how_to_mend_it(invoke, made, tmp_path):
    assert invoke("weights", "verify", "--store", "store").stdout == "Every byte is what was written.\n"
    (file,) = (tmp_path / "store").glob("blobs/*/*")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    shown = invoke("weights", "verify", "--store", "store")
    assert shown.exit_code == 1
    assert str(file.relative_to(tmp_path)) in shown.stdout
    assert "Restore the files from a copy" in shown.stderr
    document = invoke("weights", "verify", "best", "--store", "store", "--json")
    assert document.exit_code == 1
    assert [row["what"] for row in json.loads(document.stdout)] == ["bytes have changed since they were written"]
    assert invoke("weights", "verify", "other/best", "--store", "store").exit_code == 0
    refused = invoke("weights", "export", "best", "-o", "x", "--store", "store")
    assert (refused.exit_code, (tmp_path / "x").exists()) == (1, False)
    assert "DATA_LOSS" in refused.stderr


def test_the_store_of_an_experiment_is_found_by_its_id(invoke, keep, tmp_path):
    kept = keep(())
    refused = invoke("weights", "ls")
    assert refused.exit_code == 1
    assert "has kept no weights" in refused.stderr
    assert kept in refused.stderr.replace("\n", "")
    assert "--store" in refused.stderr
    first, *_ = filled(DirectoryStore(tmp_path / "home" / "experiments" / kept / "weights"))
    for words in ((), ("--store", "last"), ("--store", kept), ("--store", kept[:10]), ("--store", "kept")):
        rows = json.loads(invoke("weights", "ls", "--json", *words).stdout)
        assert rows[0]["checkpoint"] == first
    wrong = invoke("weights", "ls", "--store", "kopt")
    assert "Did you mean 'kept'" in wrong.stderr


def test_a_store_is_found_by_its_url(invoke, tmp_path, monkeypatch):
    pytest.importorskip("fsspec", reason="needs fsspec (the extra nascore[objects])")
    monkeypatch.setenv("HOME", str(tmp_path))
    url = f"file://{tmp_path / 'objects'}"
    first, *_ = filled(ObjectStore(url))
    assert json.loads(invoke("weights", "ls", "--store", url, "--json").stdout)[0]["checkpoint"] == first
    assert invoke("weights", "verify", "--store", url).exit_code == 0
    assert invoke("weights", "export", "best", "-o", "x", "--store", url).exit_code == 0


def test_a_server_of_weights_answers_the_same_verbs(begin, invoke, made, tmp_path):
    process = begin("weights", "serve", "store", "--token-file", "token")
    address = process.stdout.readline().removeprefix("Serving weights at ").strip()
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    there = ("--server", address, "--token-file", "token")
    for words in READING:
        asked = [*words] if words[0] == "verify" else [*words, "--json"]
        ours, theirs = invoke("weights", *asked, "--store", "store"), invoke("weights", *asked, *there)
        assert (theirs.exit_code, theirs.stdout) == (ours.exit_code, ours.stdout), theirs.stderr
    assert invoke("weights", "export", "best", "-o", "x", *there).exit_code == 0
    assert invoke("weights", "export", "best", "-o", "y", "--store", "store").exit_code == 0
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    refused = invoke("weights", "gc", "--dry-run", *there)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--dry-run looks at a store itself" in refused.stderr
    (tmp_path / "wrong").write_text("x" * 43)
    assert invoke("weights", "ls", "--server", address, "--token-file", "wrong").exit_code == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not (tmp_path / "token").exists()
