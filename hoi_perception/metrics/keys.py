"""The keys under which figures are printed and stored: unit, definition, source and function of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hoi_perception.metrics import hand, instrument, interaction, intersection, object_shape, sequence, simulation
from hoi_perception.metrics.two_hands import mrrpe_mm

OURS = "this package"
HO3D = "HO-3D and FreiHAND scripts"
OBMAN = "obman's script (Hasson 2019)"
ARCTIC = "ARCTIC (Fan 2023)"


@dataclass(frozen=True)
class Metric:
    """One figure. `better` is "lower" or "higher"; `source` names who defined it, `OURS` where we did."""

    key: str
    unit: str
    better: str
    definition: str
    source: str
    function: Callable[..., float]


def _table(*rows: tuple[str, str, str, str, Callable[..., float]]) -> dict[str, Metric]:
    return {
        key: Metric(key, unit, "higher" if unit == "1" else "lower", definition, source, function)
        for key, unit, definition, source, function in rows
    }


HAND = _table(
    ("mpjpe_mm", "mm", "mean error of 21 joints, each set moved to its own wrist", "usual", hand.mpjpe_mm),
    ("mpjpe_xyz_mm", "mm", "mean error of 21 joints in the camera frame", "usual", hand.mpjpe_xyz_mm),
    ("pve_mm", "mm", "mean error of 778 vertices, each set moved to its own wrist", "usual", hand.pve_mm),
    ("pve_xyz_mm", "mm", "mean error of 778 vertices in the camera frame", "usual", hand.pve_xyz_mm),
    ("pa_mpjpe_mm", "mm", "joints after the best similarity, rotation with det > 0", "Umeyama 1991", hand.pa_mpjpe_mm),
    ("pa_pve_mm", "mm", "vertices after their own best similarity, det > 0", "Umeyama 1991", hand.pa_pve_mm),
    (
        "pa_mpjpe_reflect_mm",
        "mm",
        "joints after the scripts' alignment: reflections pass",
        HO3D,
        hand.pa_mpjpe_reflect_mm,
    ),
    (
        "pa_pve_reflect_mm",
        "mm",
        "vertices after the scripts' alignment: reflections pass",
        HO3D,
        hand.pa_pve_reflect_mm,
    ),
    (
        "scale_trans_mpjpe_mm",
        "mm",
        "joints scaled by the true over the predicted length wrist to middle knuckle, then moved to the true wrist",
        HO3D,
        hand.scale_trans_mpjpe_mm,
    ),
    ("pa_f5", "1", "F-score over vertices, nearer than 5 mm, after the best similarity", HO3D, hand.pa_f5),
    ("pa_f15", "1", "F-score over vertices, nearer than 15 mm, after the best similarity", HO3D, hand.pa_f15),
    ("f5", "1", "F-score over vertices, nearer than 5 mm, without alignment", HO3D, hand.f5),
    ("f15", "1", "F-score over vertices, nearer than 15 mm, without alignment", HO3D, hand.f15),
    (
        "auc_j",
        "1",
        "area under the share of joints with an error of at most 0 to 50 mm, no alignment",
        HO3D,
        hand.auc_j,
    ),
    ("auc_v", "1", "the same over vertices", HO3D, hand.auc_v),
    ("pa_auc_j", "1", "`auc_j` after the best similarity of each frame", HO3D, hand.pa_auc_j),
    ("pa_auc_v", "1", "`auc_v` after the best similarity of each frame", HO3D, hand.pa_auc_v),
    ("p2d_px", "px", "mean error of 21 projected joints, pixels of the original image", "usual", hand.p2d_px),
    ("mrrpe_mm", "mm", "error of the left wrist relative to the right, frames with both", "InterHand2.6M", mrrpe_mm),
    ("mpjpe_xy_mm", "mm", "`mpjpe_mm` in the image plane", "usual", hand.mpjpe_xy_mm),
    ("mpjpe_z_mm", "mm", "`mpjpe_mm` along the optical axis", "usual", hand.mpjpe_z_mm),
    ("pve_xy_mm", "mm", "`pve_mm` in the image plane", "usual", hand.pve_xy_mm),
    ("pve_z_mm", "mm", "`pve_mm` along the optical axis", "usual", hand.pve_z_mm),
    ("accel_mm_s2", "mm/s²", "mean error of the joints' second differences times fps²", "usual", sequence.accel_mm_s2),
    ("jitter_mm", "mm", "RMS of the joints' second differences, no truth", OURS, sequence.jitter_mm),
)
OBJECT = _table(
    (
        "cd_cm",
        "cm",
        "mean nearest distance to the truth plus mean nearest distance from it",
        "usual",
        object_shape.cd_cm,
    ),
    ("cd_cm2", "cm²", "the same with squared distances", "HOLD (Fan 2024)", object_shape.cd_cm2),
    (
        "cd_easyhoi",
        "cm²/10",
        "scaled ICP, 30 000 samples each, mean squared terms summed, over 10",
        "EasyHOI's script (Liu 2025)",
        object_shape.cd_easyhoi,
    ),
    ("f5_obj", "1", "F-score over surface samples, nearer than 5 mm, no alignment", "usual", object_shape.f5_obj),
    ("f10_obj", "1", "F-score over surface samples, nearer than 10 mm, no alignment", "usual", object_shape.f10_obj),
    ("f5_easyhoi", "1", "`f5_obj` after the scaled ICP", "EasyHOI's script (Liu 2025)", object_shape.f5_easyhoi),
    ("f10_easyhoi", "1", "`f10_obj` after the scaled ICP", "EasyHOI's script (Liu 2025)", object_shape.f10_easyhoi),
    ("add_mm", "mm", "mean distance of corresponding model points", "Hinterstoisser 2012", object_shape.add_mm),
    (
        "adds_mm",
        "mm",
        "mean distance of true model points to the nearest predicted",
        "Xiang 2018",
        object_shape.adds_mm,
    ),
    ("rot_deg", "°", "angle to the nearest true rotation among those that look the same", OURS, instrument.rot_deg),
    ("trans_mm", "mm", "error of the base link's origin, same choice among symmetries", OURS, instrument.trans_mm),
    ("tip_mm", "mm", "mean error of the tips, same choice among symmetries", OURS, instrument.tip_mm),
    ("artic_deg", "°", "mean error of the joint angles, whole turns taken out", OURS, instrument.artic_deg),
)
INTERACTION = _table(
    (
        "iv_cm3@5mm",
        "cm³",
        "volume of the object's voxels (touched or filled) with their centre in the closed hand, 5 mm",
        OBMAN,
        partial(intersection.iv_cm3, pitch=0.005),
    ),
    ("iv_cm3@1mm", "cm³", "the same with voxels of 1 mm", OURS, partial(intersection.iv_cm3, pitch=0.001)),
    (
        "iv_surface_cm3@5mm",
        "cm³",
        "`iv_cm3@5mm` with touched voxels only: the scripts with trimesh 3 and later",
        OBMAN,
        partial(intersection.iv_surface_cm3, pitch=0.005),
    ),
    ("iv_exact_cm3", "cm³", "boolean intersection of the closed meshes", OURS, intersection.iv_exact_cm3),
    ("pd_max_mm", "mm", "deepest hand vertex inside the object", OBMAN, interaction.pd_max_mm),
    ("pd_tool_max_mm", "mm", "deepest of the object's samples inside the hand", OURS, interaction.pd_tool_max_mm),
    ("pd_tool_mean_mm", "mm", "mean depth of the object's samples inside the hand", OURS, interaction.pd_tool_mean_mm),
    ("pd_mean_mm", "mm", "mean depth over all hand vertices and frames, 0 outside", "usual", interaction.pd_mean_mm),
    (
        "proximity_mm",
        "mm",
        "mean error of the signed distance to the object over hand vertices truly within 10 mm of it",
        OURS,
        interaction.proximity_mm,
    ),
    (
        "ho_motion_mm2",
        "mm²",
        "mean over frames of |k Δhand − Δobject|² at the nearest pair, k = exp(−100 d)",
        "the published formula",
        interaction.ho_motion_mm2,
    ),
    (
        "contact_dev_mm",
        "mm",
        "mean predicted distance of pairs truly nearer than 3 mm",
        ARCTIC,
        interaction.contact_dev_mm,
    ),
    ("contact_f1", "1", "F1 of hand vertices nearer than 3 mm or inside", OURS, interaction.contact_f1),
    (
        "sim_disp_cm",
        "cm",
        "slip of the object's centre of mass in 35 simulated steps (0.15 s)",
        OBMAN,
        simulation.sim_disp_cm,
    ),
)
METRICS: dict[str, Metric] = HAND | OBJECT | INTERACTION


def markdown(metrics: dict[str, Metric]) -> str:
    """A table of metrics."""
    rows = [f"| `{m.key}` | {m.unit} | {m.better} | {m.definition} | {m.source} |" for m in metrics.values()]
    return "\n".join(["| key | unit | better | definition | source |", "|---|---|---|---|---|", *rows]) + "\n"
