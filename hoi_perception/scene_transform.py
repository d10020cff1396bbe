"""A scene seen from another frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hoi_perception.transforms import axis_angle_from_rotation, rotation_from_axis_angle
from hoi_perception.types import Contacts, Hand, HandParameters, Instrument, Scene

Array = NDArray[np.float64]
Rotation = Float[Array, "3 3"]
Vector = Float[Array, "3"]


def transform_scene(
    scene: Scene,
    R_target_camera: Float[NDArray[np.floating], "3 3"],
    t_target_camera: Float[NDArray[np.floating], "3"],
    frame_id: str,
) -> Scene:
    """The scene with every pose, point and covariance in the frame `frame_id`.

    Landmarks and the camera stay as they are: both belong to the image. What projects a scene into its image needs the
    scene in the camera's frame. The transform counts as exact.
    """
    R, t = np.asarray(R_target_camera, dtype=np.float64), np.asarray(t_target_camera, dtype=np.float64)
    return replace(
        scene,
        frame_id=frame_id,
        hands=tuple(_hand(hand, R, t) for hand in scene.hands),
        instruments=tuple(_instrument(instrument, R, t) for instrument in scene.instruments),
        contacts=tuple(_contacts(contacts, R, t) for contacts in scene.contacts),
    )


def rotate_covariance(covariance: Float[Array, "6 6"], R: Rotation) -> Float[Array, "6 6"]:
    """Covariance of a pose (translation, then rotation about the frame's fixed axes) in a frame that is turned by R.

    A small rotation w about fixed axes becomes R w, since R exp(w) = exp(R w) R.
    """
    both = np.zeros((6, 6))
    both[:3, :3] = both[3:, 3:] = R
    return np.asarray(both @ covariance @ both.T)


def _hand(hand: Hand, R: Rotation, t: Vector) -> Hand:
    parameters = hand.parameters
    pose = parameters.pose.copy()
    pose[0] = axis_angle_from_rotation(R @ rotation_from_axis_angle(pose[0]))
    wrist = R @ parameters.wrist_camera + t
    return replace(
        hand,
        parameters=HandParameters(pose, parameters.shape, wrist),
        # MANO turns about joint 0, so its translation moves as joint 0 does.
        translation_mano=hand.translation_mano + wrist - parameters.wrist_camera,
        joints_camera=hand.joints_camera @ R.T + t,
        vertices_camera=(hand.vertices_camera @ R.T + t).astype(np.float32),
        covariance_wrist=rotate_covariance(hand.covariance_wrist, R),
    )


def _instrument(instrument: Instrument, R: Rotation, t: Vector) -> Instrument:
    return replace(
        instrument,
        R_camera_instrument=R @ instrument.R_camera_instrument,
        t_camera_instrument=R @ instrument.t_camera_instrument + t,
        covariance=rotate_covariance(instrument.covariance, R),
        tips_camera=instrument.tips_camera @ R.T + t,
    )


def _contacts(contacts: Contacts, R: Rotation, t: Vector) -> Contacts:
    return replace(
        contacts,
        points_camera=contacts.points_camera @ R.T + t,
        normals_camera=contacts.normals_camera @ R.T,
        covariances=None if contacts.covariances is None else R @ contacts.covariances @ R.T,
    )
