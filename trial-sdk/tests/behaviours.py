"""A trial file whose architectures behave well or fail in every way there is; not a test itself."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import nas_trial as nas
import torch
from nas_trial import remote_line, supervisor
from nas_trial.isolation import child
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# A trial file may compute at import; on one thread, which the launcher sees to.
FEATURES = torch.randn(64, 8, generator=torch.Generator().manual_seed(1)) @ torch.eye(8)
LABELS = (FEATURES[:, 0] > 0).long()


def unbuildable():
    if not torch.empty(0).is_meta:
        raise ValueError("no such layer")
    return nn.Identity()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        well = ["good", "slow", "stuck", "loader", "pool", "astray", "partly"]
        ill = ["raise", "nan", "exit0", "segv", "memory", "infeasible", "sysexit", "parent", "wild", "cancel", "orphan"]
        ill += ["greedy", "killed", "allocator", "graphics", "deaf"]
        self.op = nas.LayerChoice(
            {mark: (lambda: nn.Linear(8, 2)) for mark in well + ill} | {"unbuildable": unbuildable}, label="op"
        )

    def forward(self, x):
        return self.op(x)


class Behaviours(nas.Trial):
    device = "cpu"
    mark = ""

    def build(self):
        net = Net()
        self.epochs_seen = 0
        self.mark = next(iter(net.op._modules), "")
        return net

    def train_batches(self):
        if self.mark == "loader":
            return DataLoader(TensorDataset(FEATURES, LABELS), 16, num_workers=2, persistent_workers=True)
        order = torch.randperm(64)
        return [(FEATURES[part], LABELS[part]) for part in order.split(16)]

    def validation_batches(self):
        self.epochs_seen += 1
        return [(FEATURES[:48], LABELS[:48]), (FEATURES[48:], LABELS[48:])]

    def validation_step(self, model, batch):
        extra = {"pid": os.getpid()} if "KEEP" in os.environ else {}
        if "partly" in model.op._modules:
            extra["perplexity"] = float("nan")
        metrics = super().validation_step(model, batch) | extra
        return metrics | {"accuracy": no_number(self.epochs_seen, self.mark, metrics["accuracy"])}

    def training_step(self, model, batch):
        loss = super().training_step(model, batch)
        match next(iter(model.op._modules), ""):
            case "raise":
                raise RuntimeError("shapes do not fit\udcff")
            case "nan":
                return loss * float("nan")
            case "exit0":
                sys.stdout.write("last words\n")
                sys.stdout.flush()
                os._exit(0)
            case "segv":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "memory":
                raise MemoryError
            case "allocator":
                torch.empty(2**60)
            case "graphics":
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "greedy":
                hoard = [b"x" * 2**26 for _ in range(64)]
                time.sleep(len(hoard))
            case "infeasible":
                raise nas.Infeasible("too deep for its width")
            case "cancel":
                raise asyncio.CancelledError("my own event loop")
            case "orphan":
                leave_a_process_behind()
                os._exit(0)
            case "pool":
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    assert pool.map(abs, [-1]) == [1]
            case "astray":
                shutil.rmtree(os.environ["NASCORE_FOLDER"] + "/logs", ignore_errors=True)
                os.chdir(os.sep)
            case "slow":
                linger(self.epochs_seen)
            case "stuck":
                time.sleep(600)
            case "deaf":
                try:
                    sys.stderr.write("hears nothing\n")
                    sys.stderr.flush()
                    time.sleep(600)
                except BaseException:
                    sys.stderr.write("not now\n")
                time.sleep(600)
            case "sysexit":
                sys.exit(4)
            case "parent":
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(600)
            case "wild":
                os.closerange(3, 1000)
                time.sleep(600)
        return loss


def linger(reports):
    """Take a moment; after the first report, as long as there is the file that HOLD names."""
    time.sleep(0.05)
    while reports and Path(os.environ.get("HOLD", "/nowhere")).exists():
        time.sleep(0.01)


def leave_a_process_behind():
    """In a session of its own, with everything open that this process has open."""
    if not os.fork():
        os.setsid()
        time.sleep(600)
        os._exit(0)


def free_form():
    """A loop of one's own; LOOP says how it behaves."""
    how = os.environ["LOOP"]
    with nas.connect(Net if "known" in how else None) as session:
        for trial in session:
            if "plain" in how:
                one_trial(trial, how)
            else:
                with trial:
                    one_trial(trial, how)


def one_trial(trial, how):
    model = trial.build(Net)
    mark = next(iter(model.op._modules), "")
    if mark == "raise":
        raise RuntimeError("my own loop broke")
    if mark == "infeasible":
        raise nas.Infeasible("too wide")
    for step in range(int(os.environ.get("STEPS", "200")) if mark == "slow" else 2):
        if mark == "slow":
            linger(step)
        trial.report(step + 1, accuracy=no_number(step + 1, mark, torch.tensor(0.25 * step)))
    if "forgetful" not in how:
        trial.finish(accuracy=no_number(3, mark, float(torch.rand(()))))


def no_number(step, mark, value):
    """From the step NO_NUMBER_FROM on what NO_NUMBER says, but for the candidate `partly`."""
    since = int(os.environ.get("NO_NUMBER_FROM", "1000000"))
    return float(os.environ["NO_NUMBER"]) if step >= since and mark != "partly" else value


def main():
    if "GROUP" in os.environ:
        (Path(os.environ["GROUP"]) / "cgroup.procs").write_text(str(os.getpid()))
    if "KEEP" in os.environ:
        child.is_costly_to_start = lambda device: True
    supervisor.STOP_WAIT_S = float(os.environ.get("STOP_WAIT", "30"))
    remote_line.TIMEOUT_S = float(os.environ.get("TIMEOUT", "10"))
    remote_line.PATIENCE_S = float(os.environ.get("PATIENCE", "0.2"))
    Behaviours.epochs = int(os.environ.get("EPOCHS", "2"))
    if keeps := os.environ.get("KEEPS"):
        Behaviours.keeps_weights = int(keeps)
    if "LOOP" in os.environ:
        free_form()
    else:
        nas.run(Behaviours())


if __name__ == "__main__":
    main()
