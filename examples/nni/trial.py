"""Handwritten digits, as a script annotated for NNI: which layers, which connections, which learning rate."""

import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional


def added(inputs):
    """Every layer gets [fixed inputs, chosen inputs]; here they have one shape, and are added."""
    fixed, chosen = inputs
    return sum([*fixed, *chosen])


def pool(inputs, size=3):
    return functional.max_pool2d(added(inputs), size, stride=1, padding=size // 2)


def identity(inputs):
    return added(inputs)


class Conv(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, size, padding=size // 2)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, inputs):
        return functional.relu(self.norm(self.conv(added(inputs))))


class Net(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.first3, self.first5 = Conv(channels, 3), Conv(channels, 5)
        self.second3, self.second5 = Conv(channels, 3), Conv(channels, 5)
        self.third3, self.third5 = Conv(channels, 3), Conv(channels, 5)
        self.head = nn.Linear(channels, 10)

    def forward(self, images):
        stem = self.stem(images)  # noqa: F841  # linters do not see what annotations use
        """@nni.mutable_layers({
            layer_choice: [self.first3, self.first5, pool(size=3), pool(size=5)],
            fixed_inputs: [stem],
            layer_output: first
        }, {
            layer_choice: [self.second3, self.second5, identity],
            fixed_inputs: [first],
            optional_inputs: [stem],
            optional_input_size: [0, 1],
            layer_output: second
        }, {
            layer_choice: [self.third3, self.third5, identity],
            optional_inputs: [stem, first, second],
            optional_input_size: [1, 2],
            layer_output: third
        })"""
        return self.head(third.mean(dim=(2, 3)))  # noqa: F821  # the annotation assigns it


def batches(images, labels, size=64):
    order = torch.randperm(len(images))
    return [(images[part], labels[part]) for part in order.split(size)]


def main(epochs):
    """@nni.get_next_parameter()"""
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(data.target)
    split = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    training_images, validation_images, training_labels, validation_labels = split

    """@nni.variable(nni.loguniform(0.0001, 0.1), name=learning_rate)"""
    learning_rate = 0.01
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    accuracy = 0.0
    for _ in range(epochs):
        net.train()
        for inputs, targets in batches(training_images, training_labels):
            loss = functional.cross_entropy(net(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            accuracy = (net(validation_images).argmax(dim=1) == validation_labels).float().mean().item()
        """@nni.report_intermediate_result(accuracy)"""
    """@nni.report_final_result(accuracy)"""
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    print(f"{main(parser.parse_args().epochs):.4f}")  # noqa: T201
