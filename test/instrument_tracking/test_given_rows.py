"""What an image says of an instrument, in a solve with the hand that holds it."""

from __future__ import annotations

import numpy as np
from carried import NAME, forms

from hoi_perception.instrument_tracking.grips import GivenRows
from hoi_perception.instruments.kinematics import InstrumentState
from hoi_perception.instruments.library import Library
from hoi_perception.interaction.bodies import Bodies, InstrumentBody
from hoi_perception.interaction.engine import Engine
from hoi_perception.interaction.geometry import Geometry, Snapshot
from hoi_perception.interaction.rows import Kind, Points, RowBlock
from hoi_perception.interaction.state import SceneState
from hoi_perception.types import HandParameters, Side


def test_rows_of_an_instrument_alone_are_at_the_instrument_of_a_grasp() -> None:
    open_hand = HandParameters(np.zeros((16, 3)), np.zeros(10), np.array([0.0, 0.0, 0.5]))
    body = InstrumentBody.of(Library.find().get(NAME))
    local = np.array([[0.01, 0.0, 0.0], [0.05, 0.002, 0.001]])
    state = InstrumentState(np.eye(3)[None], np.array([[0.02, -0.01, 0.4]]), np.zeros((1, body.n_joints)))
    places = local + state.t[0]
    along_x = np.tile([1.0, 0.0, 0.0], (2, 1))
    target = np.column_stack([places[:, :2] / places[:, 2:] + [0.003, 0.0], np.zeros(2)])
    alone = Points.of_instrument(0, np.zeros(2, dtype=int), local)
    rows = GivenRows((RowBlock("region", Kind.IMAGE, alone, np.ones(2), along_x, target),))
    hand = forms().body(Side.RIGHT)
    engine = Engine(Bodies((hand,), (body,)), [open_hand.shape], 1, capacity=16)
    engine.place(SceneState.of([forms().state(Side.RIGHT, open_hand)], [state]), correct=True)
    engine.take_rows([rows.rows(Geometry(Snapshot(engine, 0), 0))])
    found = engine.evaluate()
    np.testing.assert_allclose(found.residual[0], -0.003, atol=1e-9)
    np.testing.assert_array_equal(found.jacobian[0, :, :51], 0.0)
    np.testing.assert_allclose(found.jacobian[0, :, 51], 1.0 / places[:, 2], rtol=1e-9)
