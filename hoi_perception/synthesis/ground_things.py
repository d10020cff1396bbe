"""What is on a synthetic scene's ground: a wound in the drape, swabs and towels, blood."""

from __future__ import annotations

import cv2
import numpy as np

from hoi_perception.synthesis.ground_canvas import BLOOD, SIZE, Canvas

_SKIN = (0.25, 0.36, 0.60)
_IODINE = (0.05, 0.17, 0.45)


def add_wound(c: Canvas, reach: float) -> None:
    """A window in the drape: prepared skin with an incision that is held open."""
    size = reach * c.rng.uniform(0.28, 0.5) * np.array([1.0, c.rng.uniform(0.6, 1.0)])
    turn = c.rng.uniform(0.0, 2.0 * np.pi, 1)[0]
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = c.rng.uniform(-0.2, 0.2, 2) * reach
    around = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    square = np.stack([np.cos(around), np.sin(around)], 1)
    square = np.sign(square) * np.abs(square) ** c.rng.uniform(0.5, 1.0)
    window = c.shape(square * size @ R.T + middle, 0.002)
    edge = c.shape(square * (size + 0.012) @ R.T + middle, 0.006)
    tone = np.array(_SKIN) * c.rng.uniform(0.45, 1.05)
    iodine = float(c.rng.choice([0.0, 0.5, 0.85]))
    skin = tone * (1.0 - iodine) + iodine * np.array(_IODINE)
    c.height = c.height * (1.0 - window) + 0.006 * (edge - window) + 0.0006 * window * c.noise(22.0)
    c.dark += 0.35 * np.clip(c.blurred(edge, 0.012) - 0.4 * edge, 0.0, 1.0) * window
    c.paint(window, (float(skin[0]), float(skin[1]), float(skin[2])), 0.35)
    c.colour *= (1.0 + window * (0.10 * c.noise(40.0) + 0.06 * c.noise(160.0)))[:, :, None]
    length = size[0] * c.rng.uniform(0.35, 0.7)
    gape = length * c.rng.uniform(0.06, 0.4)
    lips = np.stack([length * np.cos(around), gape * np.sin(around) ** 3], 1) @ R.T + middle
    for grow, colour, gloss, soft in (
        (1.18, (0.20, 0.20, 0.62), 0.5, 0.003),
        (1.06, (0.16, 0.36, 0.66), 0.8, 0.0012),
        (0.92, (0.05, 0.045, 0.33), 0.9, 0.0012),
        (0.55, (0.02, 0.016, 0.13), 1.0, 0.003),
    ):
        mask = c.shape((lips - middle) * grow + middle, soft)
        c.paint(mask * np.clip(0.9 + 0.5 * c.noise(90.0), 0.0, 1.0), colour, gloss)
    inside = c.shape(lips, 0.002)
    c.height += inside * (-0.012 + 0.002 * c.noise(60.0) + 0.0007 * c.noise(200.0))


def add_thing(c: Canvas, reach: float) -> None:
    """A swab, a towel, a band or a card that lies about, with its own small shadow."""
    kind = c.rng.choice(["swab", "towel", "band", "card"], p=[0.45, 0.25, 0.15, 0.15])
    middle = c.rng.uniform(-0.95, 0.95, 2) * reach
    turn = c.rng.uniform(0.0, np.pi)
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    half = {
        "swab": c.rng.uniform(0.03, 0.055, 2),
        "towel": c.rng.uniform(0.12, 0.3, 2),
        "band": np.array([c.rng.uniform(0.06, 0.14), c.rng.uniform(0.003, 0.009)]),
        "card": c.rng.uniform(0.02, 0.05, 2),
    }[str(kind)]
    t = np.linspace(0.0, 4.0, 48, endpoint=False)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    outline = np.stack([np.interp(t, range(5), corners[:, k]) for k in (0, 1)], 1)
    bulge = sum(c.rng.normal(0.0, 0.02) * np.sin(f * np.pi / 2.0 * t + c.rng.uniform(0, 6.3)) for f in (1, 2, 3, 5))
    outline = outline * half * (1.0 + np.asarray(bulge)[:, None])
    if kind == "band":
        outline[:, 1] += 0.02 * np.sin(outline[:, 0] * c.rng.uniform(10.0, 40.0))
    mask = c.shape(outline @ R.T + middle, 0.0008)
    colours = {
        "swab": ((0.78, 0.80, 0.80),),
        "towel": ((0.55, 0.42, 0.10), (0.33, 0.36, 0.06), (0.72, 0.72, 0.70), (0.30, 0.13, 0.04)),
        "band": ((0.05, 0.06, 0.60), (0.55, 0.25, 0.04), (0.7, 0.7, 0.7), (0.03, 0.55, 0.70)),
        "card": ((0.75, 0.75, 0.72), (0.1, 0.1, 0.1), (0.5, 0.2, 0.1), (0.05, 0.4, 0.6)),
    }[str(kind)]
    thick = 0.004 if kind in ("swab", "towel") else 0.0015
    c.dark += 0.45 * np.clip(c.blurred(mask, 0.006) - mask, 0.0, 1.0)
    c.paint(mask, colours[int(c.rng.integers(len(colours)))], 0.05 if thick > 0.002 else 0.4)
    crumple = 0.0012 * c.noise(45.0) + 0.0005 * c.noise(130.0)
    c.height = c.height * (1.0 - 0.6 * mask) + mask * (thick + (crumple if thick > 0.002 else 0.0))
    if kind == "swab" and c.rng.random() < 0.5:
        soaked = mask * np.clip(1.2 * c.noise(22.0) + c.rng.uniform(-0.4, 0.5), 0.0, 1.0)
        c.paint(soaked, (0.03, 0.025, 0.34), 0.3, 0.9)


def add_blood(c: Canvas, reach: float, amount: float) -> None:
    """Drops, smears and stains."""
    field = c.noise(3.0 / max(reach, 0.05)) + 0.5 * c.noise(40.0) + 0.3 * c.noise(160.0)
    axis = np.linspace(-c.extent, c.extent, SIZE, dtype=np.float32) / np.float32(max(reach, 0.05))
    middle = c.rng.uniform(-0.5, 0.5, 2)
    off2 = (axis[None] - middle[0]) ** 2 + (axis[::-1, None] - middle[1]) ** 2
    field = field - 1.6 * off2.astype(np.float32)
    stain = np.clip((field + 1.8 * amount - 1.6) * 3.0, 0.0, 1.0)
    c.paint(stain, (0.016, 0.013, 0.19), 0.5, 0.88)
    drops = np.zeros((SIZE, SIZE), dtype=np.uint8)
    for _ in range(int(60 * amount)):
        x, y = (int(v) for v in (0.5 + 0.5 * c.rng.uniform(-1, 1, 2) * reach / c.extent) * SIZE)
        r = c.px(float(c.rng.gamma(1.2, 0.0016)))
        axes = (max(int(r * 16), 8), max(int(r * 16 * c.rng.uniform(0.4, 1.0)), 8))
        turn = float(c.rng.uniform(0, 180))
        cv2.ellipse(drops, (x * 16, y * 16), axes, turn, 0, 360, 255, -1, cv2.LINE_AA, 4)
    mask = drops.astype(np.float32) / 255.0
    c.paint(mask, BLOOD, 0.95, 0.95)
    c.height += 0.0006 * c.blurred(mask, 0.0006)
