"""What is published for each result, the same through every door."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hoi_perception.config import NodeConfig, listed
from hoi_perception.instruments.surfaces import Surfaces
from hoi_perception.overlay import at_most_rows, draw_overlay
from hoi_perception.ros import conversions, topics
from hoi_perception.ros.conversions import MarkerKey
from hoi_perception.ros.frame_names import FrameNames
from hoi_perception.ros.health import WorkerStatus, diagnostic_of
from hoi_perception.ros.messages import Messages
from hoi_perception.ros.pictures import Pictures
from hoi_perception.ros.robot_descriptions import RobotDescriptions
from hoi_perception.ros.topics import Topic
from hoi_perception.ros.worker import Faces, Result
from hoi_perception.types import Scene


@dataclass
class Pace:
    """Lets through so many frames a second at most, evenly, by the frames' own stamps; a jump back starts anew."""

    next_ns: int | None = None
    latest_ns: int = 0

    def due(self, stamp_ns: int, rate_hz: float) -> bool:
        """Whether this frame is let through."""
        if self.next_ns is None or stamp_ns < self.latest_ns:
            self.next_ns = stamp_ns
        self.latest_ns = stamp_ns
        if stamp_ns < self.next_ns:
            return False
        period_ns = round(1e9 / rate_hz)
        self.next_ns = max(self.next_ns + period_ns, stamp_ns + period_ns // 2)
        return True


class Outputs:
    """Makes messages of results and publishes them.

    `publish` is called by whoever calls `send`, and for markers and overlay by a thread of the outputs' own. Meshes,
    the scene, detections, markers and overlay are only made when `subscribed` says that somebody listens. `name` is
    that of the node in /diagnostics.
    """

    def __init__(
        self,
        messages: Messages,
        publish: Callable[[Topic, Any], None],
        subscribed: Callable[[Topic], bool],
        config: NodeConfig,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        name: str = "hoi_perception",
    ) -> None:
        self._messages, self._publish, self._subscribed = messages, publish, subscribed
        self._config, self._now_ns, self._name = config, now_ns, name
        self._frame_names = FrameNames()
        self._faces: Faces | None = None
        self._shown: frozenset[MarkerKey] = frozenset()
        self._marker_pace, self._overlay_pace = Pace(), Pace()
        self.pictures = Pictures()
        self._robots = RobotDescriptions(())
        self._surfaces = Surfaces(listed(config.instrument_folders))

    def describe(self, robots: RobotDescriptions) -> None:
        """Publish URDFs of instruments; from now on TF has their links too."""
        self._robots = robots
        for topic, message in robots.messages(self._messages):
            self._publish(topic, message)

    def configure(self, config: NodeConfig) -> None:
        """Other settings from the next result on."""
        self._config = config

    def close(self) -> None:
        """End the drawing; may be called again."""
        self.pictures.close()

    def send(self, result: Result, scene: Scene | None = None) -> None:
        """Publish one result; with `scene`, the same scene in another frame, everything but the overlay is of that."""
        told = conversions.sendable_scene(scene if scene is not None else result.scene)
        self._frame_names = self._frame_names.after(result.scene)  # with what is left out of this message only
        if self._faces is None:
            self._faces = result.faces
            self.send_latched()
        self._send_always(told, result)
        self._send_instruments(told)
        self._send_where_subscribed(told, result)
        self._send_markers(told)
        self._send_overlay(result)

    def send_latched(self) -> None:
        """Publish the topology of the meshes; before the first result it is not known, and follows with that."""
        for side, faces in (self._faces or {}).items():
            self._publish(topics.MESH_TOPOLOGY, conversions.mesh_topology_message(side, faces, self._messages))

    def send_diagnostics(self, status: WorkerStatus | None, more: Sequence[str] = ()) -> None:
        """Publish how the worker is; None for a node that is not configured. `more` are warnings of the door itself."""
        told = [text for text in (*more, self.pictures.failure) if text]
        diagnostic = diagnostic_of(status, self._name, told)
        message = conversions.diagnostics_message([diagnostic], self._now_ns(), self._messages)
        self._publish(topics.DIAGNOSTICS, message)
        resting = self._robots.resting_links(self._frame_names, self._now_ns(), self._messages)
        if resting and self._config.publish_tf:
            self._publish(topics.TF, self._messages.make("tf2_msgs/msg/TFMessage", transforms=resting))

    def _send_always(self, scene: Scene, result: Result) -> None:
        messages, config = self._messages, self._config
        self._publish(topics.HANDS, conversions.hand_array_message(scene, messages))
        self._publish(topics.INSTRUMENTS, conversions.instrument_array_message(scene, messages))
        self._publish(topics.CONTACTS, conversions.contact_array_message(scene, messages))
        status = conversions.frame_status_message(scene, messages, dropped_frames=result.dropped_frames)
        self._publish(topics.FRAME_STATUS, status)
        if config.publish_tf and (scene.hands or scene.instruments):
            tf = conversions.tf_message(
                scene, messages, names=self._frame_names, prefix=config.frame_prefix, tips=config.publish_tips
            )
            tf.transforms += self._robots.tracked_links(scene, self._frame_names, messages)
            self._publish(topics.TF, tf)

    def _send_instruments(self, scene: Scene) -> None:
        where = scene.stamp_ns, scene.frame_id
        for instrument in scene.instruments:
            label = self._frame_names.instrument_label(instrument.track_id)
            pose = conversions.instrument_pose_message(instrument, *where, self._messages)
            self._publish(topics.instrument_pose(label), pose)
            joints = conversions.joint_state_message(instrument, *where, self._messages)
            self._publish(topics.instrument_joints(label), joints)

    def _send_where_subscribed(self, scene: Scene, result: Result) -> None:
        messages = self._messages
        if self._subscribed(topics.HAND_MESHES):
            meshes = conversions.mesh_vertices_message(scene.hands, scene.stamp_ns, scene.frame_id, messages)
            self._publish(topics.HAND_MESHES, meshes)
        if self._subscribed(topics.SCENE):
            whole = conversions.scene_message(scene, messages, dropped_frames=result.dropped_frames)
            self._publish(topics.SCENE, whole)
        if self._subscribed(topics.DETECTIONS_3D):
            self._publish(topics.DETECTIONS_3D, conversions.detections_3d_message(scene, messages))

    def _send_markers(self, scene: Scene) -> None:
        faces, wanted = self._faces, self._subscribed(topics.MARKERS)
        if wanted and faces and self._marker_pace.due(scene.stamp_ns, self._config.markers_rate_hz):
            self.pictures.offer("markers", partial(self._draw_markers, scene, faces))

    def _draw_markers(self, scene: Scene, faces: Faces) -> None:
        lifetime_s = max(0.5, 2.0 / self._config.markers_rate_hz)
        message = conversions.markers_message(scene, faces, self._messages, shown=self._shown, lifetime_s=lifetime_s)
        self._shown = conversions.shown_markers(message)
        self._publish(topics.MARKERS, message)

    def _send_overlay(self, result: Result) -> None:
        config = self._config
        if self._subscribed(topics.OVERLAY) and self._overlay_pace.due(result.frame.stamp_ns, config.overlay_rate_hz):
            self.pictures.offer("overlay", partial(self._draw_overlay, result, config))

    def _draw_overlay(self, result: Result, config: NodeConfig) -> None:
        scene, frame = conversions.sendable_scene(result.scene), result.frame
        image = at_most_rows(frame.image_bgr, config.overlay_rows)
        drawn = draw_overlay(image, scene, result.faces, samples=1, device=config.device, surfaces=self._surfaces)
        message = conversions.image_message(drawn, frame.stamp_ns, frame.frame_id, self._messages)
        self._publish(topics.OVERLAY, message)
