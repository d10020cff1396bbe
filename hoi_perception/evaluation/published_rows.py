"""Published figures to stand beside ours, each with the source that it was read in.

They are the authors' own figures on crops round the true hand, of networks trained on the data set's training split
unless a row says otherwise; ours come from whole images, without training on the data set. Units are those of the keys.
"""

from __future__ import annotations

from dataclasses import dataclass

KEYS: dict[str, tuple[str, ...]] = {
    "pov-surgery": ("p2d_px", "mpjpe_mm", "pve_mm", "pa_mpjpe_mm", "pa_pve_mm"),
    "ho3d-v2": (
        "mpjpe_mm",
        "mpjpe_xyz_mm",
        "scale_trans_mpjpe_mm",
        "pa_mpjpe_reflect_mm",
        "pve_mm",
        "pa_pve_reflect_mm",
        "f5",
        "f15",
        "pa_f5",
        "pa_f15",
        "pa_auc_j",
        "pa_auc_v",
    ),
    "dexycb": ("mpjpe_xyz_mm", "auc_j", "mpjpe_mm", "pve_mm", "pa_mpjpe_reflect_mm", "pa_pve_reflect_mm", "pa_auc_j"),
    "freihand": (
        "mpjpe_xyz_mm",
        "mpjpe_mm",
        "pa_mpjpe_reflect_mm",
        "pve_xyz_mm",
        "pa_pve_reflect_mm",
        "pa_f5",
        "pa_f15",
    ),
    "interhand26m": ("mpjpe_mm", "pve_mm", "mrrpe_mm"),
    "arctic": ("mpjpe_mm", "pve_mm", "mrrpe_mm", "accel_mm_s2"),
    "oakink": ("mpjpe_mm", "pa_mpjpe_mm", "pve_mm", "pa_pve_mm"),
    "hot3d": ("mpjpe_xyz_mm", "mpjpe_mm", "pa_mpjpe_mm", "mrrpe_mm"),
}
KEYS["ho3d-v3"] = KEYS["ho3d-v2"]
"""Figures of each data set's published tables, in their order."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table. `split` is "" where the source does not state it."""

    dataset: str
    method: str
    figures: dict[str, float]
    source: str
    split: str = ""


_GRAPHS = "Shuang, He, Li, arXiv 2403.01733, its tables"
_SIMPLE = "Zhou et al., A Simple Baseline for Efficient Hand Mesh Reconstruction, arXiv 2403.01813, abstract"
_MASKHAND = "Saleem et al., MMHMR / MaskHand, figures listed with its abstract (papers with code)"
_HMP = "HMP, arXiv 2312.16737, supplementary table 1 (HO-3D v3)"
_INTERNET = "open-mmlab/mmpose, configs/hand_3d_keypoint/internet, table of results"
_GLOVED = (
    "Pal and Su, Gloved Hands, Blind Models (course report 2026), README; given true boxes, not trained on the data"
)
_QUOTED = "quoted in this project's list of metrics as the best published; its paper is not named there"
_BEST = "best published"
_ZERO = "README of the data set's scripts: a prediction of zeros"


def _hmp(method: str, joints: float, vertices: float, f5: float, f15: float) -> PublishedRow:
    figures = {"pa_mpjpe_reflect_mm": joints, "pa_pve_reflect_mm": vertices, "pa_f5": f5, "pa_f15": f15}
    return PublishedRow("ho3d-v3", method, figures, _HMP, "evaluation")


ROWS: tuple[PublishedRow, ...] = (
    PublishedRow(
        "pov-surgery",
        _BEST,
        {"p2d_px": 12.08, "mpjpe_mm": 12.21, "pve_mm": 12.25, "pa_mpjpe_mm": 4.21, "pa_pve_mm": 4.20},
        _QUOTED,
    ),
    PublishedRow("pov-surgery", "WiLoR, off the shelf", {"pa_mpjpe_mm": 10.66}, _GLOVED, "test"),
    PublishedRow("pov-surgery", "HaMeR, off the shelf", {"pa_mpjpe_mm": 11.23}, _GLOVED, "test"),
    PublishedRow("ho3d-v2", _BEST, {"pa_mpjpe_reflect_mm": 8.3, "pa_pve_reflect_mm": 8.2}, _QUOTED),
    PublishedRow(
        "ho3d-v2",
        "Inter and intra graphs",
        {"mpjpe_mm": 19.7, "pa_mpjpe_reflect_mm": 8.8, "pve_mm": 19.4, "pa_pve_reflect_mm": 8.7, "pa_f15": 0.970},
        _GRAPHS,
        "evaluation",
    ),
    PublishedRow(
        "ho3d-v2",
        "all zeros",
        {
            "mpjpe_xyz_mm": 568.7,
            "pa_mpjpe_reflect_mm": 51.9,
            "pa_pve_reflect_mm": 54.7,
            "f5": 0.0,
            "f15": 0.0,
            "pa_f5": 0.0,
            "pa_f15": 0.017,
        },
        f"{_ZERO} (version not stated)",
        "evaluation",
    ),
    _hmp("HandOccNet", 9.1, 8.8, 0.564, 0.963),
    _hmp("Deformer", 9.4, 9.1, 0.546, 0.963),
    _hmp("HMP", 10.2, 9.9, 0.510, 0.946),
    _hmp("Hampali et al.", 10.7, 10.6, 0.506, 0.942),
    _hmp("PyMAF-X, not trained on HO-3D", 11.2, 11.0, 0.476, 0.928),
    PublishedRow(
        "ho3d-v3",
        "MaskHand",
        {
            "pa_mpjpe_reflect_mm": 7.0,
            "pa_pve_reflect_mm": 7.0,
            "pa_auc_j": 0.86,
            "pa_auc_v": 0.86,
            "pa_f5": 0.663,
            "pa_f15": 0.984,
        },
        _MASKHAND,
        "evaluation",
    ),
    PublishedRow(
        "dexycb",
        "Spurr et al. + HRNet32",
        {
            "mpjpe_xyz_mm": 80.6272,
            "auc_j": 0.2173,
            "mpjpe_mm": 25.4875,
            "pa_mpjpe_reflect_mm": 8.2075,
            "pa_auc_j": 0.8359,
        },
        "NVlabs/dex-ycb-toolkit, README (CVPR 2021 results)",
        "s2_test",
    ),
    PublishedRow(
        "dexycb",
        "Inter and intra graphs",
        {"pve_mm": 12.4, "pa_pve_reflect_mm": 5.4, "mpjpe_mm": 13.2, "pa_mpjpe_reflect_mm": 5.6},
        _GRAPHS,
    ),
    PublishedRow("dexycb", _BEST, {"mpjpe_mm": 12.7, "pa_mpjpe_reflect_mm": 5.5}, _QUOTED),
    PublishedRow("dexycb", "simpleHand", {"pa_mpjpe_reflect_mm": 5.5, "pa_pve_reflect_mm": 5.5}, _SIMPLE),
    PublishedRow("dexycb", "MaskHand", {"mpjpe_mm": 11.7}, _MASKHAND),
    PublishedRow("freihand", _BEST, {"pa_mpjpe_reflect_mm": 5.1, "pa_pve_reflect_mm": 5.2}, _QUOTED),
    PublishedRow(
        "freihand",
        "Hamba",
        {"pa_pve_reflect_mm": 5.3, "pa_f15": 0.992},
        "Dong et al., Hamba, NeurIPS 2024, abstract",
        "evaluation",
    ),
    PublishedRow(
        "freihand",
        "MaskHand",
        {"pa_mpjpe_reflect_mm": 5.5, "pa_pve_reflect_mm": 5.4, "pa_f5": 0.801, "pa_f15": 0.991},
        _MASKHAND,
        "evaluation",
    ),
    PublishedRow(
        "freihand", "simpleHand", {"pa_mpjpe_reflect_mm": 5.8, "pa_pve_reflect_mm": 6.1}, _SIMPLE, "evaluation"
    ),
    PublishedRow(
        "freihand",
        "ReJSHand",
        {"pa_mpjpe_reflect_mm": 6.3, "pa_pve_reflect_mm": 6.4, "pa_f5": 0.756, "pa_f15": 0.984},
        "ReJSHand, arXiv 2503.05995, abstract",
        "evaluation",
    ),
    PublishedRow(
        "freihand",
        "all zeros",
        {
            "mpjpe_xyz_mm": 707.9,
            "pa_mpjpe_reflect_mm": 47.3,
            "pve_xyz_mm": 708.4,
            "pa_pve_reflect_mm": 50.7,
            "pa_f5": 0.001,
            "pa_f15": 0.031,
        },
        _ZERO,
        "evaluation",
    ),
    PublishedRow("interhand26m", _BEST, {"mpjpe_mm": 5.11, "pve_mm": 5.35, "mrrpe_mm": 20.82}, _QUOTED),
    PublishedRow(
        "interhand26m",
        "A2P, joints of MANO fits",
        {"mpjpe_mm": 5.36},
        "Han et al., From 2D Alignment to 3D Plausibility, arXiv 2503.17788, ablation",
        "test",
    ),
    PublishedRow("interhand26m", "InterNet", {"mpjpe_mm": 12.97, "mrrpe_mm": 33.14}, _INTERNET, "test"),
    PublishedRow("interhand26m", "InterNet, single hands", {"mpjpe_mm": 10.16}, _INTERNET, "test"),
    PublishedRow("interhand26m", "InterNet, two hands", {"mpjpe_mm": 15.27}, _INTERNET, "test"),
)


@dataclass(frozen=True)
class PublishedInteraction:
    """A published row of hands with objects, its figures under the names of its source and in its units."""

    dataset: str
    method: str
    figures: dict[str, float]
    units: str
    source: str


_POV_UNITS = "no units are stated"
_OAKINK_UNITS = "CD and F-scores after scaled ICP (EasyHOI's script), simulation displacement in cm, IV in cm³"
INTERACTION_ROWS = (
    PublishedInteraction(
        "pov-surgery", _BEST, {"IV": 1.12, "PD": 1.62, "proximity": 2.21, "motion": 0.48}, _POV_UNITS, _QUOTED
    ),
    PublishedInteraction(
        "oakink",
        "best published, single images, the object's shape not known",
        {"CD": 1.035, "F5": 0.247, "F10": 0.445, "simulation displacement": 3.08, "IV": 4.11},
        _OAKINK_UNITS,
        _QUOTED,
    ),
)


def interaction_rows_of(dataset: str) -> list[PublishedInteraction]:
    """Rows of hands with objects on a data set."""
    return [row for row in INTERACTION_ROWS if row.dataset == dataset]


def rows_of(dataset: str, split: str) -> list[PublishedRow]:
    """Rows that may stand beside ours: of this split, or of a split that the source does not state."""
    return [row for row in ROWS if row.dataset == dataset and row.split in ("", split)]
