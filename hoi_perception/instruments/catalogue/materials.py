"""What the instruments are made of; densities are those of the materials' data sheets."""

from __future__ import annotations

from hoi_perception.instruments.design import Material

STEEL = Material("steel_polished", (0.80, 0.81, 0.83, 1.0), "polished", 7750.0)
"""Martensitic stainless steel of ISO 7153-1 (X20Cr13), mirror finish."""

MATT_STEEL = Material("steel_matt", (0.66, 0.67, 0.69, 1.0), "matt", 7750.0)
"""The same steel, satin finish."""

CARBIDE = Material("tungsten_carbide", (0.42, 0.43, 0.46, 1.0), "matt", 14900.0)
"""WC with 6 % cobalt."""

GOLD = Material("steel_gold_plated", (0.85, 0.66, 0.30, 1.0), "polished", 7750.0)
"""Gold plating on rings, the trade's mark of carbide inserts."""

CLEAR_PLASTIC = Material("polypropylene_clear", (0.86, 0.90, 0.92, 0.55), "clear", 905.0)
WHITE_PLASTIC = Material("polypropylene_white", (0.90, 0.91, 0.92, 1.0), "plastic", 905.0)
BLACK_PLASTIC = Material("peek_black", (0.09, 0.09, 0.10, 1.0), "plastic", 1300.0)
GREY_PLASTIC = Material("abs_grey", (0.45, 0.47, 0.50, 1.0), "plastic", 1050.0)
GREEN_PLASTIC = Material("polypropylene_green", (0.12, 0.55, 0.25, 1.0), "plastic", 905.0)
RED_PLASTIC = Material("polystyrene_red", (0.75, 0.06, 0.07, 1.0), "plastic", 1050.0)
RUBBER = Material("rubber_black", (0.05, 0.05, 0.05, 1.0), "rubber", 1200.0)
CERAMIC = Material("ceramic_white", (0.88, 0.87, 0.84, 1.0), "plastic", 2400.0)
WOOD = Material("wood_beech", (0.72, 0.55, 0.37, 1.0), "plastic", 720.0)
