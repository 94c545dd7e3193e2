"""Search the cell of NAS-Bench-201 on CIFAR-10, and look up what was found.

`CIFAR10` names a folder with the data: the official binary version (data_batch_1.bin ... test_batch.bin), or mosaics of
2,000 images (train_00.jpg ..., train_labels.npz), which need Pillow. Other variables make it smaller: `IMAGES` (of
50,000 for training), `CELLS` (in each of three stages, 5), `CHANNELS` (of the first stage, 16), `BATCH` (64).

    CIFAR10=~/cifar-10-batches-bin nascore run trial.py --tuner gdas
"""

import os
from pathlib import Path

import nas_trial as nas
import numpy as np
import torch
from torch import nn

MEAN, SPREAD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
TILE, ROWS, COLUMNS = 32, 40, 50


def setting(name, default):
    """A whole number from the environment."""
    return int(os.environ.get(name, default))


def read(folder, part):
    """Images (N, 3, 32, 32) as bytes, and labels (N,), of "train" or "test"."""
    files = sorted(folder.glob("data_batch_*.bin" if part == "train" else "test_batch.bin"))
    if files:
        records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
        return records[:, 1:].reshape(-1, 3, TILE, TILE), records[:, 0].astype(np.int64)
    files = sorted(folder.glob(f"{part}_*.jpg"))
    if not files:
        raise SystemExit(f"CIFAR10={folder}: there are neither data_batch_*.bin nor train_*.jpg.")
    labels = np.load(folder / f"{part}_labels.npz", allow_pickle=False)["labels"]  # noqa: TID251  # no pickle in it
    return np.concatenate([tiles(file) for file in files]), labels.astype(np.int64)


def tiles(file):
    """The 2,000 images of a mosaic."""
    from PIL import Image  # noqa: PLC0415  # the official files need no Pillow

    mosaic = np.asarray(Image.open(file)).reshape(ROWS, TILE, COLUMNS, TILE, 3)
    return mosaic.transpose(0, 2, 4, 1, 3).reshape(-1, 3, TILE, TILE)


def normalised(images):
    """Bytes to numbers around 0."""
    mean, spread = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, SPREAD))
    return (images.float() / 255 - mean) / spread


class Cifar(nas.Trial):
    """The published recipe: SGD with Nesterov momentum, cosine schedule, crops and flips."""

    epochs = setting("EPOCHS", 12)

    def __init__(self):
        folder = Path(os.environ.get("CIFAR10", "cifar-10-batches-bin")).expanduser()
        images, labels = read(folder, "train")
        count = setting("IMAGES", len(images))
        self.images, self.labels = torch.from_numpy(images[:count].copy()), torch.from_numpy(labels[:count].copy())
        images, labels = read(folder, "test")
        count = max(count // 5, 1000)
        self.held_out = torch.from_numpy(images[:count].copy()), torch.from_numpy(labels[:count].copy())
        self.network = nas.hub.model("nasbench201", width=setting("CHANNELS", 16), depth=setting("CELLS", 5))

    def build(self):
        return self.network()

    def train_batches(self):
        for chosen in torch.randperm(len(self.images)).split(setting("BATCH", 64)):
            yield self.images[chosen], self.labels[chosen]

    def validation_batches(self):
        yield from zip(*(part.split(500) for part in self.held_out), strict=True)

    def training_step(self, model, batch):
        images, labels = batch
        padded = nn.functional.pad(images, (4, 4, 4, 4))
        top, left = torch.randint(0, 9, (2,)).tolist()
        images = padded[:, :, top : top + TILE, left : left + TILE]
        if torch.rand(()) < 0.5:
            images = images.flip(3)
        return nn.functional.cross_entropy(model(normalised(images)), labels)

    def validation_step(self, model, batch):
        images, labels = batch
        return {"accuracy": (model(normalised(images)).argmax(dim=1) == labels).float().mean()}

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.025, momentum=0.9, nesterov=True, weight_decay=3e-4)

    def scheduler(self, optimizer):
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs, eta_min=0.001)


if __name__ == "__main__":
    nas.run(Cifar())
