"""The lifecycle node on rclpy. It joins the worker to subscriptions and the outputs to publishers, no more.

configure starts loading the models in the worker's thread and answers at once; activate subscribes; deactivate frees
the subscriptions; cleanup frees the models. Diagnostics are sent in every state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter as RosParameter
from rclpy.publisher import Publisher
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind
from rclpy.subscription import Subscription
from std_srvs.srv import SetBool, Trigger

from hoi_perception.config import NodeConfig
from hoi_perception.ros import topics
from hoi_perception.ros.inputs import Input, inputs_of
from hoi_perception.ros.live_perception import LivePerception, load_perception
from hoi_perception.ros.node_settings import needs_tf
from hoi_perception.ros.outputs import Outputs
from hoi_perception.ros.parameters import Parameter, flatten, from_flat, is_other, unknown_name
from hoi_perception.ros.rclpy_bond import Bond, open_bond
from hoi_perception.ros.rclpy_calibration import ShapeCalibrationServer
from hoi_perception.ros.rclpy_frames import HeardFrames, TargetFrame
from hoi_perception.ros.rclpy_images import CvBridgeDecoder
from hoi_perception.ros.rclpy_instruments import InstrumentServices
from hoi_perception.ros.rclpy_main import live
from hoi_perception.ros.rclpy_messages import installed_messages, is_installed, message_class
from hoi_perception.ros.rclpy_qos import qos_profile
from hoi_perception.ros.robot_descriptions import RobotDescriptions
from hoi_perception.ros.topics import Topic
from hoi_perception.ros.worker import Result, Worker

NODE_NAME = "hoi_perception"
DIAGNOSTICS_PERIOD_S = 1.0
AUTOSTART = "autostart"
_AUTOSTART = "Configure and activate when the process starts."
_NOT_CONFIGURED = "the node is not configured: `ros2 lifecycle set` it to configure first"

Node = TypeVar("Node", bound="PerceptionNode")
Transition = Callable[[Node, LifecycleState], TransitionCallbackReturn]


def told(transition: Transition[Node]) -> Transition[Node]:
    """Names what went wrong in a transition: rclpy would drop the exception."""

    @wraps(transition)
    def telling(node: Node, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception as error:
            node.get_logger().error(f"{transition.__name__} failed: {type(error).__name__}: {error}")
            raise

    return telling


class PerceptionNode(LifecycleNode):
    """`hoi_perception`: images in, hands, instruments and contacts out.

    Raises rclpy's ParameterException where a parameter given at start is not what it should be.
    """

    def __init__(
        self,
        name: str = NODE_NAME,
        *,
        load: Callable[[NodeConfig], LivePerception] = load_perception,
        **options: Any,
    ) -> None:
        super().__init__(name, **options)
        self._load = load
        self._messages = installed_messages()
        self._known = {p.name: p for p in flatten(NodeConfig())}
        self._config = self._declare()
        self._worker: Worker | None = None
        self._subscriptions_here: list[Subscription] = []
        self._publishers_here: dict[str, Publisher] = {}
        self._heard = HeardFrames(self, self._on_tf)
        self._target = TargetFrame(self._heard)
        self._bond: Bond | None = None
        self._diagnostics = self._publisher(topics.DIAGNOSTICS)
        self.outputs = self._new_outputs()
        self.add_on_set_parameters_callback(self._on_parameters)
        self._serve()
        self._calibration = ShapeCalibrationServer(self, lambda: self._worker)
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._send_diagnostics, clock=Clock(clock_type=ClockType.STEADY_TIME))

    # Parameters

    def _declare(self) -> NodeConfig:
        self.declare_parameter(AUTOSTART, False, ParameterDescriptor(description=_AUTOSTART, read_only=True))
        for parameter in self._known.values():
            self.declare_parameter(parameter.name, parameter.default, descriptor(parameter))
        given = getattr(self, "_parameter_overrides", {})
        self._unknown = [unknown_name(n) for n in given if n not in self._known and not is_other(n)]
        for text in self._unknown:
            self.get_logger().error(text)
        return from_flat({name: self.get_parameter(name).value for name in self._known})

    def _on_parameters(self, changed: Sequence[RosParameter]) -> SetParametersResult:
        values = {p.name: self.get_parameter(p.name).value for p in self._known.values()}
        values |= {p.name: p.value for p in changed if p.name in self._known}
        try:
            config = from_flat(values)
            if self._worker is not None:
                self._worker.configure(config)
            if needs_tf(config) and self._subscriptions_here:
                self._heard.listen()
            self.outputs.configure(config)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # noqa: BLE001  an unanswered call would hang who asks
            self._restore()
            return SetParametersResult(successful=False, reason=f"{type(error).__name__}: {error}")
        self._config = config
        return SetParametersResult(successful=True)

    def _restore(self) -> None:
        if self._worker is not None:
            self._worker.configure(self._config)
        self.outputs.configure(self._config)

    # Lifecycle

    @told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make publishers and start loading the models."""
        del state
        self.outputs = self._new_outputs()
        for topic in topics.OUTPUTS:
            if topic is not topics.DIAGNOSTICS and is_installed(topic.type):
                self._publishers_here[topic.name] = self._publisher(topic)
        self.outputs.describe(RobotDescriptions.of(self._config))
        self._worker = Worker(
            self._config,
            self._deliver,
            load=self._load,
            now_ns=self._now_ns,
            log=self._log,
            decode_other=CvBridgeDecoder(),
            transforms=self._heard,
        )
        self._worker.load()
        return TransitionCallbackReturn.SUCCESS

    @told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe."""
        assert self._worker is not None
        reason = self._worker.status().load_failure
        if reason:
            self.get_logger().error(f"cannot be activated: {reason}")
            return TransitionCallbackReturn.FAILURE
        if needs_tf(self._config):
            self._heard.listen()
        self._worker.start()
        self._subscribe(self._worker)
        self._count_publishers()
        self.outputs.send_latched()
        self._bond = open_bond(self)
        return super().on_activate(state)

    @told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the subscriptions; the frame that is being worked on is finished first."""
        self._pause()
        return super().on_deactivate(state)

    @told
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free models and publishers."""
        del state
        self._free()
        return TransitionCallbackReturn.SUCCESS

    @told
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """The same from any state."""
        del state
        self.close()
        return TransitionCallbackReturn.SUCCESS

    @told
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured, so that it can be tried again."""
        del state
        self.close()
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Stop and free everything that configure and activate made."""
        self._calibration.cancel()
        self._pause()
        self._free()

    def _pause(self) -> None:
        for subscription in self._subscriptions_here:
            self.destroy_subscription(subscription)
        self._subscriptions_here = []
        if self._worker is not None:
            self._worker.stop()
            self.outputs.pictures.finish()
        if self._bond is not None:
            self._bond.close()
            self._bond = None
        self._heard.stop()

    def _free(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = None
        self.outputs.close()
        for publisher in self._publishers_here.values():
            self.destroy_publisher(publisher)
        self._publishers_here = {}

    # Inputs

    def _subscribe(self, worker: Worker) -> None:
        for one in inputs_of(self._config, worker):
            self._add_subscription(one)

    def _on_tf(self) -> None:
        if self._worker is not None:
            self._worker.notice()

    def _add_subscription(self, one: Input) -> None:
        """Remapping a raw topic remaps its compressed twin too.

        Messages are taken as bytes and decoded without a copy, and published as bytes: rclpy's own conversion holds the
        interpreter for 20 ms where markers are large.
        """
        topic, name = one.topic, one.topic.name
        if one.twin_of is not None:
            name = self.resolve_topic_name(one.twin_of.name) + name.removeprefix(one.twin_of.name)

        def on_bytes(data: bytes) -> None:
            one.offer(self._messages.decode(data, topic.type))

        kind, qos = message_class(topic.type), qos_profile(topic)
        made = self.create_subscription(kind, name, on_bytes, qos, qos_overriding_options=_overrides(), raw=True)
        self._subscriptions_here.append(made)

    # Outputs

    def _new_outputs(self) -> Outputs:
        name = self.get_fully_qualified_name().strip("/").replace("/", ".")
        return Outputs(self._messages, self._publish, self._subscribed, self._config, now_ns=self._now_ns, name=name)

    def _deliver(self, result: Result) -> None:
        """In the worker's thread."""
        self.outputs.send(result, self._target.transform(result.scene, self._config.target_frame))

    def _publisher(self, topic: Topic) -> Publisher:
        kind, qos = message_class(topic.type), qos_profile(topic)
        return self.create_publisher(kind, topic.name, qos, qos_overriding_options=_overrides())

    def _publish(self, topic: Topic, message: Any) -> None:
        publisher = self._diagnostics if topic is topics.DIAGNOSTICS else self._publishers_here.get(topic.name)
        if publisher is None:
            publisher = self._publishers_here.setdefault(topic.name, self._publisher(topic))
        publisher.publish(self._messages.encode(message))

    def _subscribed(self, topic: Topic) -> bool:
        publisher = self._publishers_here.get(topic.name)
        return publisher is not None and publisher.get_subscription_count() > 0

    def _send_diagnostics(self) -> None:
        self._count_publishers()
        status = None if self._worker is None else self._worker.status()
        more = list(self._unknown)
        if self._state_machine.current_state[1] == "finalized":
            more.append("it is shut down: start it again")
        self.outputs.send_diagnostics(status, more)

    def _count_publishers(self) -> None:
        """Those of the image topic, which is subscribed first."""
        if self._worker is not None and self._subscriptions_here:
            self._worker.set_publishers(self.count_publishers(self._subscriptions_here[0].topic_name))

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _log(self, level: str, text: str) -> None:
        """One line of code for each level: rclpy refuses a line that logs at two."""
        if level == "error":
            self.get_logger().error(text)
        elif level == "warning":
            self.get_logger().warning(text)
        else:
            self.get_logger().info(text)

    # Services

    def _serve(self) -> None:
        self.create_service(Trigger, "~/reset", self._reset)
        self.create_service(SetBool, "~/set_enabled", self._set_enabled)
        self._instruments = InstrumentServices(self, lambda: self._worker)

    def _reset(self, request: Any, response: Any) -> Any:
        del request
        response.success = self._worker is not None
        if self._worker is None:
            response.message = _NOT_CONFIGURED
        else:
            self._worker.reset()
        return response

    def _set_enabled(self, request: Any, response: Any) -> Any:
        response.success = self._worker is not None
        if self._worker is None:
            response.message = _NOT_CONFIGURED
        else:
            self._worker.set_enabled(bool(request.data))
            if not request.data:
                self.outputs.pictures.finish()
        return response


def descriptor(parameter: Parameter) -> ParameterDescriptor:
    """What `ros2 param describe` shows and rclpy checks."""
    made = ParameterDescriptor(
        description=parameter.description,
        read_only=parameter.at_start,
        additional_constraints=parameter.constraints,
        dynamic_typing=parameter.kind is float,  # 70 is as good as 70.0; from_flat checks
    )
    if parameter.range is not None and parameter.kind is int:
        bounds = IntegerRange(from_value=int(parameter.range.low), to_value=int(parameter.range.high), step=1)
        made.integer_range = [bounds]
    elif parameter.range is not None:
        made.floating_point_range = [
            FloatingPointRange(from_value=parameter.range.low, to_value=parameter.range.high, step=0.0)
        ]
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The process of the node; its exit status."""
    return live(_make, arguments, told=(ValueError,))


def _make(ended: Callable[[str], None]) -> PerceptionNode:
    del ended  # only a signal ends it
    node = PerceptionNode()
    if node.get_parameter(AUTOSTART).value:
        node.trigger_configure()
        node.trigger_activate()
    return node


def _overrides() -> QoSOverridingOptions:
    kinds = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
    return QoSOverridingOptions(kinds)
