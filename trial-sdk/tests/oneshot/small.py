"""A trial of seconds that every one-shot tuner can search, run by the real program; it may end itself in the middle.

`KILL_ONCE` names a file: the search deletes it in its second epoch and ends by SIGKILL, with all processes above it
whose command names a word of the file. With `CANDIDATES=recurrent` the layers have no channels to share.
"""

import contextlib
import os
import signal
from pathlib import Path

import nas_trial as nas
import psutil
import torch
from torch import nn

WIDTH = 4
KILLED_AT = 14
"""Losses until then: those of the beginning, four of warm-up, and two for each later step."""


class Recurrent(nn.Module):
    """A layer that has no channels of an image."""

    def __init__(self):
        super().__init__()
        self.inner = nn.GRU(WIDTH, WIDTH, batch_first=True)

    def forward(self, images):
        return self.inner(images.flatten(2).transpose(1, 2))[0].transpose(1, 2).reshape(images.shape)


def candidates():
    if os.environ.get("CANDIDATES") == "recurrent":
        return {"recurrent": Recurrent, "skip": nn.Identity}
    return {
        "convolution": lambda: nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH)),
        "pool": lambda: nn.AvgPool2d(3, stride=1, padding=1),
        "skip": nn.Identity,
    }


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, WIDTH, 3, padding=1)
        self.blocks = nas.Repeat(lambda i: nas.LayerChoice(candidates(), label="op"), (1, 2), label="depth")
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, images):
        x = self.stem(images)
        for block in self.blocks:
            x = torch.relu(block(x))
        return self.head(x.mean((2, 3)))


class Stripes(nas.Trial):
    """Whether stripes go up or across."""

    epochs = 1
    device = "cpu"
    search_options = nas.SearchOptions(save_every_s=0.0, save_rest_s=0.0)
    steps = 0

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        across = (torch.arange(6) % 2).float().expand(6, 6)
        self.labels = torch.arange(96) % 2
        self.images = torch.stack([across if label else across.T for label in self.labels.tolist()])[:, None]
        self.images = self.images + 0.5 * torch.randn(self.images.shape, generator=generator)

    def build(self):
        return Net()

    def train_batches(self):
        for batch in torch.randperm(64).split(8):
            yield self.images[batch], self.labels[batch]

    def validation_batches(self):
        yield self.images[64:], self.labels[64:]

    def training_step(self, model, batch):
        self.steps += 1
        if self.steps == KILLED_AT:
            end_once(Path(os.environ.get("KILL_ONCE", "/nowhere")))
        return super().training_step(model, batch)

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, 0.1, momentum=0.9)


def end_once(marker):
    if not marker.exists():
        return
    words = marker.read_text().split()
    marker.unlink()
    for process in psutil.Process().parents():
        if any(word in part for word in words for part in process.cmdline()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    nas.run(Stripes())
