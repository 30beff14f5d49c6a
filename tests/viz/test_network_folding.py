"""What a figure of a network folds into one box, and how it takes a graph apart."""

from __future__ import annotations

import json
from typing import Any

from minidl import nn
from minidl.models import LeNet, resnet20
from minidl.nn import functional as F
from viz.architecture.blocks import compact, full
from viz.architecture.regions import Parallel, Tangle, arrange
from viz.architecture.survey import survey
from viz.drawing import engine
from viz.drawing.figure import Figure


def drawn(figure: Figure) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The graph and its nodes as Graphviz places them."""
    graph = json.loads(engine.render(figure.dot, "json", layout="neato"))
    return graph, graph["objects"]


def test_blocks_of_a_residual_network_fold_and_repeat() -> None:
    blocks = compact(survey(resnet20(shortcut="project"), (1, 3, 32, 32)))
    assert [(block.text, block.note, block.repeats, block.shape) for block in blocks] == [
        ("input", "", 1, (3, 32, 32)),
        ("conv 3×3", "batch norm · ReLU", 1, (16, 32, 32)),
        ("BasicBlock", "2 conv 3×3", 3, (16, 32, 32)),
        ("BasicBlock", "2 conv 3×3, conv 1×1", 1, (32, 16, 16)),
        ("BasicBlock", "2 conv 3×3", 2, (32, 16, 16)),
        ("BasicBlock", "2 conv 3×3, conv 1×1", 1, (64, 8, 8)),
        ("BasicBlock", "2 conv 3×3", 2, (64, 8, 8)),
        ("global mean pool", "", 1, (64,)),
        ("linear", "", 1, (10,)),
    ]
    assert blocks[2].parameters == 3 * 2 * (16 * 16 * 9 + 2 * 16)
    assert blocks[3].parameters == 16 * 32 * 9 + 32 * 32 * 9 + 16 * 32 + 3 * 2 * 32
    assert [call.path for call in blocks[4].calls] == ["layer2"]


def test_the_boxes_of_full_are_the_rows() -> None:
    found = survey(LeNet(), (1, 1, 8, 8))
    assert [block.text for block in full(found)] == [row.layer.text for row in found.rows]
    assert [(block.text, block.note) for block in compact(found)] == [
        ("input", ""), ("conv 3×3", "ReLU"), ("max pool 2×2", ""), ("conv 3×3", "ReLU"), ("max pool 2×2", ""), ("linear", ""),
    ]  # fmt: skip


def test_an_activation_that_two_read_is_absorbed_only_where_nothing_else_reads_the_layer() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            hidden = self.a(x)
            return F.relu(hidden) + hidden

    assert [block.text for block in compact(survey(Net(), (1, 4)))] == ["input", "linear", "ReLU", "+"]


def test_regions() -> None:
    assert arrange([[], [0], [1]]) == (0, 1, 2)
    assert arrange([[]]) == (0,)
    assert arrange([[], [0], [0, 1]]) == (0, Parallel(((1,),), (0, 2)), 2)
    nested = arrange([[], [0], [1], [1, 2], [0, 3]])
    assert nested == (0, Parallel(((1, Parallel(((2,),), (1, 3)), 3),), (0, 4)), 4)
    tangled = arrange([[], [0], [0], [1, 2], [1, 2], [3, 4]])
    assert tangled == (0, Tangle((1, 2, 3, 4), ((0, 2), (1, 3), (1, 4), (2, 4), (3, 5))), 5)
