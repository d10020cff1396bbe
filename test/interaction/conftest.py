"""Bodies for the tests of this folder, made once: hands of both sides, instruments with coarse fields."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hoi_perception.config import FittingConfig
from hoi_perception.hands.anatomy import JOINT_LIMITS, angle_prior
from hoi_perception.hands.hand_model import HandModel
from hoi_perception.hands.lifting_terms import AnglePrior
from hoi_perception.instruments.distance_field import FieldLimits
from hoi_perception.instruments.field_lookup import InstrumentFields
from hoi_perception.instruments.folder import read_instrument
from hoi_perception.instruments.library import SHIPPED
from hoi_perception.interaction.bodies import HandBody, InstrumentBody
from hoi_perception.interaction.hand_points import HandPoints
from hoi_perception.types import Side

COARSE = FieldLimits(spacing=0.001, margin=0.004, tolerance=0.0001)


@pytest.fixture(scope="session")
def hand_model() -> HandModel:
    """The open hand."""
    return HandModel.load(None, Side.RIGHT)


@pytest.fixture(scope="session")
def hands(hand_model: HandModel) -> dict[Side, HandBody]:
    """The open hand of both sides, with the finer points."""
    points = HandPoints.of(hand_model)
    return {side: HandBody(side, points) for side in Side}


@pytest.fixture(scope="session")
def library_body(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], InstrumentBody]:
    """Instruments of the library by name."""
    made: dict[str, InstrumentBody] = {}
    cache = tmp_path_factory.mktemp("fields")

    def get(name: str) -> InstrumentBody:
        if name not in made:
            model = read_instrument(SHIPPED / name, {})
            made[name] = InstrumentBody.of(model, InstrumentFields.of(model, COARSE, cache))
        return made[name]

    return get


@pytest.fixture(scope="session")
def posture() -> AnglePrior:
    """The prior over a hand's angles, as the fit of hands has it."""
    config = FittingConfig()
    mean, covariance = angle_prior()
    root = np.linalg.cholesky(np.linalg.inv(covariance * config.prior_scale**2)).T
    limits = JOINT_LIMITS.reshape(45, 2)
    return AnglePrior(mean, root, limits[:, 0], limits[:, 1], 1.0 / np.radians(config.limit_sigma_deg))
