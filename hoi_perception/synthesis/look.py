"""How a synthetic scene looks: dress, ground, light and camera's sensor, apart from what is where in it.

Colours are linear albedos (0 to 1), blue first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

Colour = tuple[float, float, float]


class Cover(Enum):
    """What a hand wears; gloves by their colour."""

    BARE = "bare"
    WHITE = "white"
    YELLOW = "yellow"
    BLUE = "blue"
    GREEN = "green"

    @property
    def gloved(self) -> bool:
        """True for every glove."""
        return self is not Cover.BARE


class GroundKind(Enum):
    """What the scene lies on."""

    DRAPE = "drape"
    WOUND = "wound"
    TISSUE = "tissue"
    TRAY = "tray"
    TABLE = "table"


class Optics(Enum):
    """The kind of camera."""

    ROOM = "room"
    OVERHEAD = "overhead"
    EXOSCOPE = "exoscope"
    ENDOSCOPE = "endoscope"


class Part(IntEnum):
    """Values of the part mask."""

    GROUND = 0
    LEFT_HAND = 1
    RIGHT_HAND = 2
    FOREARM = 3
    HANDLE = 4
    SHAFT = 5
    WORKING_PART = 6


@dataclass(frozen=True)
class Dress:
    """A person's hands and arms: `tone` 0 (fair) to 1 (dark), `wet` and `blood` 0 to 1; a `sleeve` of None is bare."""

    cover: Cover = Cover.BARE
    tone: float = 0.2
    wet: float = 0.0
    blood: float = 0.0
    sleeve: Colour | None = (0.42, 0.29, 0.13)
    wrinkles: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class GroundLook:
    """The ground: kind, main colour, height of folds (1 usual), blood on it (0 to 1), things that lie on it."""

    kind: GroundKind = GroundKind.DRAPE
    colour: Colour = (0.150, 0.155, 0.022)
    folds: float = 1.0
    blood: float = 0.0
    clutter: int = 0
    seed: int = 0


@dataclass(frozen=True)
class LightLook:
    """Lamp and room. The lamp stands `distance` (m) from the scene's middle, `azimuth` and `elevation` (rad) of the
    table's axes (right, ahead, up); one `at_camera` sits beside the lens instead, as in endoscopes."""

    azimuth: float = 2.3
    elevation: float = 1.1
    distance: float = 1.0
    radius: float = 0.09
    colour: Colour = (0.95, 1.0, 1.05)
    power: float = 1.2
    ambient: float = 0.4
    at_camera: bool = False
    pool: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class SensorLook:
    """Camera and its processing.

    `exposure` scales light to white; `temperature` shifts gains from blue (-1) to red (1); `read` and `shot` are noise
    (see `kernels.sensor.Sensor`); `softness` is the lens blur (px); `aperture` the circle of confusion (px) at infinity
    for a camera focused at `focus` (m), 0 for all sharp; `contrast` the strength of the tone curve's S; `quality` of
    the JPEG code, 0 for none; `disc` the radius of the visible disc over half the picture's height, 0 for all of it;
    `shutter` the open share of the time between `Scene` and the earlier one.
    """

    exposure: float = 1.0
    temperature: float = 0.0
    tint: float = 0.0
    saturation: float = 1.0
    contrast: float = 0.3
    vignette: float = 0.2
    read: float = 0.004
    shot: float = 0.0006
    softness: float = 0.5
    sharpening: float = 0.0
    aperture: float = 0.0
    focus: float = 0.5
    glow: float = 0.05
    haze: float = 0.0
    quality: int = 0
    disc: float = 0.0
    shutter: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class MetalLook:
    """Instruments: roughness added to the finish of each material, wear of the surface, wetness and blood, 0 to 1."""

    roughness: float = 0.0
    wear: float = 1.0
    wet: float = 0.0
    blood: float = 0.0


@dataclass(frozen=True)
class SceneLook:
    """Everything that may change without moving anything; one dress per hand, in the scene's order."""

    dress: tuple[Dress, ...] = (Dress(), Dress())
    ground: GroundLook = GroundLook()
    light: LightLook = LightLook()
    metal: MetalLook = MetalLook()
    sensor: SensorLook = SensorLook()
