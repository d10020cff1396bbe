"""The heartbeat by which a lifecycle manager notices that a node has died."""

from __future__ import annotations

from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import ParameterAlreadyDeclaredException


class Bond:
    """A started bond of bondpy."""

    def __init__(self, bond: Any, node: _BondNode) -> None:
        self._bond, self._node = bond, node
        bond.start()

    def close(self) -> None:
        """Break the bond and free what it holds of the node."""
        self._bond.shutdown()
        self._node.forget()


def open_bond(node: Any) -> Bond | None:
    """A bond under the node's own name on `bond` in its namespace, as lifecycle managers have it; None without bondpy.

    A node that no manager bonds with goes on all the same: its bond ends by itself.
    """
    try:
        from bondpy import bondpy
    except ImportError:
        node.get_logger().info("bondpy is not installed: no heartbeat for a lifecycle manager")
        return None
    seen = _BondNode(node)
    return Bond(bondpy.Bond(seen, "bond", node.get_name()), seen)


class _BondNode:
    """The node as bondpy sees it.

    bondpy destroys its publisher and subscription behind the node's back, which leaves their event handlers for the
    executor to trip over; without event handlers there is nothing left. It declares its parameter at every time-out.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._publishers: list[Any] = []
        self._subscriptions: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def create_publisher(self, *args: Any, **options: Any) -> Any:
        """Without event handlers."""
        silent = PublisherEventCallbacks(use_default_callbacks=False)
        self._publishers.append(self._node.create_publisher(*args, event_callbacks=silent, **options))
        return self._publishers[-1]

    def create_subscription(self, *args: Any, **options: Any) -> Any:
        """Without event handlers."""
        silent = SubscriptionEventCallbacks(use_default_callbacks=False)
        self._subscriptions.append(self._node.create_subscription(*args, event_callbacks=silent, **options))
        return self._subscriptions[-1]

    def declare_parameter(self, name: str, *args: Any) -> Any:
        """Once."""
        try:
            return self._node.declare_parameter(name, *args)
        except ParameterAlreadyDeclaredException:
            return self._node.get_parameter(name)

    def forget(self) -> None:
        """Take out of the node what was destroyed."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
