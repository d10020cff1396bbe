"""Everything of an engine is on its own device, whatever the default device is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import warp as wp
from device_scenes import BLOCKS_ON_CPU, DEVICES, Scene, assert_same

from hoi_perception.interaction import engine as engine_module
from hoi_perception.interaction.contours import MaskContour
from hoi_perception.interaction.hand_mesh import HandMesh
from hoi_perception.interaction.terms.outlines import hidden_by, supports
from hoi_perception.interaction.terms.penetration import PenetrationTerm


@pytest.fixture(scope="module")
def scene(hands, library_body, posture) -> Scene:
    made = Scene(hands, library_body, posture, batch=1)
    made.terms[0].extend(PenetrationTerm(h, 0) for h in range(2))
    return made


@pytest.fixture
def no_default_device(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Asking Warp for the default device fails, unless a `ScopedDevice` says which one is meant."""
    scopes: list[Any] = []

    def entered(self: Any, *, enter: Callable[[Any], Any] = wp.ScopedDevice.__enter__) -> Any:
        scopes.append(self)
        return enter(self)

    def left(self: Any, *rest: Any, leave: Callable[..., Any] = wp.ScopedDevice.__exit__) -> None:
        leave(self, *rest)
        scopes.pop()

    kind = type(wp._src.context.runtime)
    asked: list[str] = []

    def device(self: Any, ident: Any = None, *, get: Callable[..., Any] = kind.get_device) -> Any:
        if ident is None and not scopes:
            asked.append("default")
            raise AssertionError("the default device was asked for")
        return get(self, ident)

    monkeypatch.setattr(wp.ScopedDevice, "__enter__", entered)
    monkeypatch.setattr(wp.ScopedDevice, "__exit__", left)
    monkeypatch.setattr(kind, "get_device", device)
    return asked


def test_the_default_device_is_missed_where_it_is_used(no_default_device: list[str]) -> None:
    with pytest.raises(AssertionError, match="default device"):
        wp.zeros(3, dtype=wp.float64)
    assert no_default_device
    no_default_device.clear()
    with wp.ScopedDevice("cpu"):
        wp.zeros(3, dtype=wp.float64)
    wp.zeros(3, dtype=wp.float64, device="cpu")
    assert no_default_device == []


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("on_device", [False, True])
def test_an_engine_never_asks_for_the_default_device(
    scene: Scene, no_default_device: list[str], device: str, on_device: bool
) -> None:
    """A solve with rows of every kind, contacts and penetration; all that its parts launch is on its device."""
    for body in scene.bodies.instruments:
        body.__dict__.pop("_grids", None)
    engine = scene.engine(device)
    scene.solve(engine, on_device, rounds=(1, 1))
    engine.hand_normals()
    engine.evaluate()
    for value in vars(engine).values():
        if isinstance(value, wp.Launch):
            assert str(value.device) == device
        if isinstance(value, engine_module.Shared):
            assert str(value.device.device) == device
    assert no_default_device == []


def test_terms_never_ask_for_the_default_device(scene: Scene, no_default_device: list[str], hand_model) -> None:
    points = np.random.default_rng(0).normal(size=(30, 2)) * 0.05
    contour = MaskContour(points, points / np.linalg.norm(points, axis=1, keepdims=True), 0.001)
    vertices = scene.engine().hand_points()[0, 0, :778]
    body = scene.bodies.hands[0]
    hidden_by(contour, vertices, body.faces)
    supports(contour, points * 1.1, 0.003, 0.05)
    mesh = HandMesh(body.points.rest[:778], body.faces)
    mesh.ways_out(vertices, vertices[:5], np.tile([0.0, 0.0, 1.0], (5, 1)), 0.1)
    assert no_default_device == []


@BLOCKS_ON_CPU
def test_threads_that_share_an_engine_change_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kernels in blocks of 64 threads, which a CPU takes turns with."""
    expected = scene.solve(scene.engine(), on_device=False)
    monkeypatch.setattr(wp.config, "enable_cpu_blocks", True)
    monkeypatch.setattr(engine_module, "strands_on", lambda device: 64)
    for on_device in (False, True):
        assert_same(scene.solve(scene.engine(), on_device), expected)
