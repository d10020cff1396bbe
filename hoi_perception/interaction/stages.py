"""How a joint solve is staged: what is held, how far contact reaches, how hard bodies are, round by round.

The order follows the contact-point-centred alignment of surgical hand-instrument reconstruction (CPCI): first hand and
instrument are aligned as wholes around the points where they touch, fingers nearly still; then all unknowns are solved
together. A follow-up in the next frame starts so near that one short stage is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Stage:
    """One run of the descent. Tuples hold a value for each round; the last one serves for further rounds.

    `steps` are those of each round. `hold_angles` is the standard deviation (rad) with which fingers are held where
    they are, 0 for not at all. `contact_reach`, `contact_sigma` and `penetration_sigma` are in m, `outline_reach`,
    `outline_aside` and `silhouette_sigma` (0: silhouettes are not looked at) in px.
    """

    steps: tuple[int, ...]
    contact_reach: tuple[float, ...]
    contact_sigma: float
    penetration_sigma: tuple[float, ...]
    outline_reach: tuple[float, ...]
    hold_angles: float = 0.0
    outline_aside: tuple[float, ...] = (3.0,)
    silhouette_sigma: float = 0.0

    def rounds(self, first: int, last: int | None = None) -> Stage:
        """The rounds from `first` to before `last` as a stage of their own."""
        return replace(
            self,
            steps=self.steps[first:last],
            contact_reach=self.contact_reach[first:] or self.contact_reach[-1:],
            penetration_sigma=self.penetration_sigma[first:] or self.penetration_sigma[-1:],
            outline_reach=self.outline_reach[first:] or self.outline_reach[-1:],
            outline_aside=self.outline_aside[first:] or self.outline_aside[-1:],
        )


ALIGN = Stage(
    steps=(4, 4, 4),
    contact_reach=(0.030, 0.020),
    contact_sigma=0.003,
    penetration_sigma=(0.004, 0.003),
    outline_reach=(60.0, 40.0, 30.0),
    outline_aside=(15.0, 8.0, 5.0),
    silhouette_sigma=8.0,
    hold_angles=float(np.radians(1.0)),
)
JOINT = Stage(
    steps=(4, 4, 4),
    contact_reach=(0.012, 0.008, 0.006),
    contact_sigma=0.002,
    penetration_sigma=(0.002, 0.001, 0.0005),
    outline_reach=(30.0, 15.0, 10.0),
    outline_aside=(5.0, 4.0, 3.0),
    silhouette_sigma=8.0,
)
FOLLOW = Stage(
    steps=(5,),
    contact_reach=(0.005,),
    contact_sigma=0.002,
    penetration_sigma=(0.0005,),
    outline_reach=(10.0,),
)
