"""All instruments of the catalogue by name."""

from __future__ import annotations

from collections.abc import Callable

from hoi_perception.instruments.catalogue import (
    box_locked,
    everyday,
    forceps,
    hand_held,
    laparoscopic,
    microsurgical,
    robotic,
    scalpels,
    scissors,
    syringe,
)
from hoi_perception.instruments.design import InstrumentDesign

DESIGNS: dict[str, Callable[[], InstrumentDesign]] = {
    "scalpel_10": scalpels.scalpel_10,
    "scalpel_11": scalpels.scalpel_11,
    "scalpel_15": scalpels.scalpel_15,
    "adson_forceps": forceps.adson,
    "debakey_forceps": forceps.debakey,
    "metzenbaum_scissors": scissors.metzenbaum,
    "mayo_scissors": scissors.mayo,
    "iris_scissors": scissors.iris,
    "mayo_hegar_needle_holder": box_locked.needle_holder,
    "kelly_haemostat": box_locked.kelly,
    "mosquito_haemostat": box_locked.mosquito,
    "allis_clamp": box_locked.allis,
    "senn_retractor": hand_held.senn,
    "army_navy_retractor": hand_held.army_navy,
    "frazier_suction": hand_held.frazier,
    "yankauer_suction": hand_held.yankauer,
    "bone_curette": hand_held.bone_curette,
    "syringe": syringe.syringe,
    "trocar": laparoscopic.trocar,
    "laparoscopic_grasper": laparoscopic.grasper,
    "large_needle_driver": robotic.needle_driver,
    "micro_tweezers": forceps.micro_tweezers,
    "microsurgical_forceps": microsurgical.dressing_forceps,
    "cup_16oz": everyday.cup,
    "mug": everyday.mug,
    "cube": everyday.cube,
}
"""Functions that make the designs; making one takes about a second."""
