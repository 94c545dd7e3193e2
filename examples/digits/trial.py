"""Search for a small network that reads handwritten digits.

The data are scikit-learn's: 1,797 grey images of 8x8 pixels. A quarter of them, the same every time and with equal
shares of all digits, is kept for validation. Each network trains for 40 epochs, so the search favours networks that
learn fast. Run it with `nascore run trial.py`, or with `python trial.py` to train the default network once.
"""

import nas_trial as nas
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


def convolution(width):
    """A convolution with a kernel to choose; the image keeps its size."""
    kernel = nas.ValueChoice([3, 1, 5], label="kernel")
    return nas.Conv2d(width, width, kernel, padding=kernel // 2)


def separable(width):
    """The same in two steps: each channel by itself, then across channels."""
    kernel = nas.ValueChoice([3, 5, 7], label="wide kernel")
    each = nas.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
    return nn.Sequential(each, nas.Conv2d(width, width, 1))


def stems(width):
    """From the image to `width` channels; all but the first also shrink it."""
    return {
        "full": lambda: nas.Conv2d(1, width, 3, padding=1),
        "strided": lambda: nas.Conv2d(1, width, 3, stride=2, padding=1),
        "pooled": lambda: nn.Sequential(nn.MaxPool2d(2), nas.Conv2d(1, width, 3, padding=1)),
        "patches": lambda: nas.Conv2d(1, width, 4, stride=4),
    }


class Block(nn.Module):
    """One operation on the output of the block before, of the stem, or of both."""

    def __init__(self, width):
        super().__init__()
        self.inputs = nas.InputChoice(["before", "stem"], n_chosen=(1, 2), label="inputs")
        self.op = nas.LayerChoice(
            {
                "convolution": lambda: convolution(width),
                "separable": lambda: separable(width),
                "max pool": lambda: nn.MaxPool2d(3, stride=1, padding=1),
                "mean pool": lambda: nn.AvgPool2d(3, stride=1, padding=1),
                "skip": nn.Identity,
            },
            label="op",
        )
        self.norm = nas.LayerChoice({"batch": lambda: nas.BatchNorm2d(width), "none": nn.Identity}, label="norm")
        self.act = nas.LayerChoice(
            {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}, label="act"
        )

    def forward(self, before, stem):
        return self.act(self.norm(self.op(self.inputs([before, stem]))))


class Net(nn.Module):
    """A stem, one to five blocks, and a linear reader of what they found."""

    def __init__(self):
        super().__init__()
        width = nas.ValueChoice([16, 4, 8, 32], label="width")
        self.stem = nas.LayerChoice(stems(width), label="stem")
        self.blocks = nas.Repeat(lambda i: Block(width), (1, 5), label="depth")
        self.dropout = nas.Dropout(nas.ValueChoice([0.0, 0.2, 0.5], label="dropout"))
        self.head = nas.LayerChoice(
            {
                "mean": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nas.Linear(width, 10)),
                "quarters": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nas.Linear(width * 4, 10)),
            },
            label="head",
        )

    def forward(self, images):
        stem = x = self.stem(images)
        for block in self.blocks:
            x = block(x, stem)
        return self.head(self.dropout(x))


class Digits(nas.Trial):
    """What is trained on what, and how it is judged."""

    epochs = 40

    def __init__(self):
        images, labels = load_digits(return_X_y=True)
        images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16  # grey values 0 to 16
        kept = train_test_split(images, torch.tensor(labels), test_size=0.25, stratify=labels, random_state=0)
        self.images, self.validation_images, self.labels, self.validation_labels = kept

    def build(self):
        return Net()

    def train_batches(self):
        for batch in torch.randperm(len(self.images)).split(64):
            yield self.images[batch], self.labels[batch]

    def validation_batches(self):
        yield self.validation_images, self.validation_labels

    def training_step(self, model, batch):
        images, labels = batch
        return nn.functional.cross_entropy(model(images), labels)

    def validation_step(self, model, batch):
        images, labels = batch
        return {"accuracy": (model(images).argmax(dim=1) == labels).float().mean()}

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


if __name__ == "__main__":
    nas.run(Digits())
