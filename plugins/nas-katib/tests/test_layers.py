"""Networks of layers, written as Katib's training images read them."""

from __future__ import annotations

import json
from random import Random

import pytest
from nas_katib.layers import LayerForm
from nas_katib.v1beta1 import api_pb2
from nascore.errors import ArchitectureError, SpaceError


def categorical(name, *values):
    return {"name": name, "parameter_type": "CATEGORICAL", "feasible_space": {"list": values}}


OPERATIONS = [
    {
        "operation_type": "convolution",
        "parameter_specs": {
            "parameters": [categorical("filter_size", "3", "5", "7"), categorical("num_filter", "32", "48")]
        },
    },
    {
        "operation_type": "reduction",
        "parameter_specs": {
            "parameters": [
                categorical("reduction_type", "max_pooling", "avg_pooling"),
                {"name": "pool_size", "parameter_type": "INT", "feasible_space": {"min": "2", "max": "3", "step": "1"}},
                {
                    "name": "rate",
                    "parameter_type": "DOUBLE",
                    "feasible_space": {"min": "0.1", "max": "0.3", "step": "0.1"},
                },
            ]
        },
    },
    {"operation_type": "skip_connection", "parameter_specs": {}},
]


def config(layers=3, operations=OPERATIONS):
    return api_pb2.NasConfig(
        graph_config={"num_layers": layers, "input_sizes": [32, 32, 3], "output_sizes": [10]},
        operations={"operation": operations},
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (config(layers=0), "num_layers: 0 is not within 1"),
        (config(layers=10**6), "num_layers: 1000000 is not within 1"),
        (config(operations=[]), "operations: there is none"),
        (config(operations=[{"operation_type": ""}]), r"operations\[0\].operation_type: it is not given"),
        (
            config(
                operations=[
                    {
                        "operation_type": "a",
                        "parameter_specs": {
                            "parameters": [
                                {"name": "x", "parameter_type": "DOUBLE", "feasible_space": {"min": "0", "max": "1"}}
                            ]
                        },
                    }
                ]
            ),
            r"operations\[0\].parameters\[0\].feasible_space.step: x: a real number of an operation needs a step",
        ),
    ],
)
def test_what_is_no_network_is_refused_with_a_sentence(wrong, says):
    with pytest.raises(SpaceError, match=says):
        LayerForm(wrong)


def test_a_network_is_written_as_katibs_images_read_it():
    form = LayerForm(config())
    architecture = form.space.architecture(
        {
            "layer0": "convolution",
            "layer0/convolution/layer0 convolution filter_size": "5",
            "layer0/convolution/layer0 convolution num_filter": "48",
            "layer1": "reduction",
            "layer1/reduction/layer1 reduction reduction_type": "max_pooling",
            "layer1/reduction/layer1 reduction pool_size": 3,
            "layer1/reduction/layer1 reduction rate": 1,
            "inputs1": (),
            "layer2": "skip_connection",
            "inputs2": ("0",),
        }
    )
    assignments = form.assignments(architecture)
    # convolution has six settings (numbers 0 to 5), reduction twelve (6 to 17), skip_connection one (18).
    assert assignments["architecture"] == "[[3], [10, 0], [18, 1, 0]]"
    assert '"' not in assignments["nn_config"]
    assert json.loads(assignments["nn_config"].replace("'", '"')) == {
        "num_layers": 3,
        "input_sizes": [32, 32, 3],
        "output_sizes": [10],
        "embedding": {
            "3": {"opt_id": 3, "opt_type": "convolution", "opt_params": {"filter_size": "5", "num_filter": "48"}},
            "10": {
                "opt_id": 10,
                "opt_type": "reduction",
                "opt_params": {"reduction_type": "max_pooling", "pool_size": 3, "rate": 0.2},
            },
            "18": {"opt_id": 18, "opt_type": "skip_connection", "opt_params": {}},
        },
    }


def test_every_network_is_read_back_from_its_trial():
    form, generator = LayerForm(config(layers=5)), Random(3)
    for _ in range(50):
        architecture = form.space.sample(generator)
        assert form.architecture(form.assignments(architecture)) == architecture


def test_each_layer_decides_for_itself():
    assert LayerForm(config(layers=2, operations=OPERATIONS[:1])).space.size().low == 6 * 6 * 2


def test_two_operations_of_one_type_are_two():
    form = LayerForm(config(layers=1, operations=[OPERATIONS[0], OPERATIONS[0]]))
    assert form.space.size().low == 12
    assert form.architecture({"architecture": "[[11]]"})["layer0"] == "convolution 1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        "[[0], [0, 0]]",
        "[[0], [0], [0, 0, 0]]",
        "[[0], [0, 0], [19, 0, 0]]",
        "[[0], [0, 0], [-1, 0, 0]]",
        "[[0], [0, true], [0, 0, 0]]",
        "[[0], [0, 0.5], [0, 0, 0]]",
        "[" * 100_000,
    ],
)
def test_what_describes_no_network_is_not_of_the_space(text):
    with pytest.raises(ArchitectureError):
        LayerForm(config()).architecture({"architecture": text})
