"""The heartbeat by which a lifecycle manager notices that a node has died."""

from __future__ import annotations

from typing import Any, Protocol


class Bond(Protocol):
    """What is used of bondpy's Bond."""

    def shutdown(self) -> None:
        """Break the bond."""


def open_bond(node: Any) -> Bond | None:
    """A started bond under the node's own name on `/bond`, as lifecycle managers expect; None without bondpy.

    A node that no manager bonds with goes on all the same: its bond ends by itself.
    """
    try:
        from bondpy import bondpy
    except ImportError:
        node.get_logger().info("bondpy is not installed: no heartbeat for a lifecycle manager")
        return None
    bond: Any = bondpy.Bond(node, "/bond", node.get_name())
    bond.start()
    return _Started(bond)


class _Started:
    def __init__(self, bond: Any) -> None:
        self._bond = bond

    def shutdown(self) -> None:
        """Break the bond and free what it holds of the node."""
        self._bond.shutdown()
