"""The networks that `train_models` trains, in MXNet's Gluon."""

import numpy as np
from mxnet.gluon import HybridBlock, nn


def digits_mlp(prefix: str) -> HybridBlock:
    """Two hidden layers on the flattened image. Input (N, 1, 8, 8), output (N, 10) scores."""
    network = nn.HybridSequential(prefix=prefix)
    with network.name_scope():
        network.add(nn.Flatten(), nn.Dense(128, activation="relu"), nn.Dense(64, activation="relu"), nn.Dense(10))
    return network


def digits_cnn(prefix: str) -> HybridBlock:
    """Three convolutions with batch normalisation. Input (N, 1, 8, 8), output (N, 10) scores."""
    network = nn.HybridSequential(prefix=prefix)
    with network.name_scope():
        for channels in (16, 32):
            network.add(nn.Conv2D(channels, kernel_size=3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
        network.add(nn.MaxPool2D(pool_size=2))
        network.add(nn.Conv2D(64, kernel_size=3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
        network.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(10))
    return network


def measurements_mlp(prefix: str, classes: int) -> HybridBlock:
    """One hidden layer on rows of measurements. Input (N, columns), output (N, classes) scores."""
    network = nn.HybridSequential(prefix=prefix)
    with network.name_scope():
        network.add(nn.Dense(32, activation="relu"), nn.Dense(classes))
    return network


def take_raw_inputs(network: HybridBlock, mean: np.ndarray, deviation: np.ndarray) -> None:
    """Fold the standardisation `(input - mean) / deviation`, which the network was trained behind, into its first
    layer: from then on it takes inputs in their own units."""
    first = network[0]
    weight, bias = first.weight.data().asnumpy(), first.bias.data().asnumpy()
    first.weight.set_data(weight / deviation)
    first.bias.set_data(bias - weight @ (mean / deviation))


class Probabilities(HybridBlock):
    """A trained network with softmax behind it: what is exported answers with probabilities."""

    def __init__(self, network: HybridBlock) -> None:
        super().__init__(prefix=f"{network.prefix}probabilities_")
        self.network = network

    def hybrid_forward(self, F, x):
        return F.softmax(self.network(x), axis=-1)
