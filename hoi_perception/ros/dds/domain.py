"""The DDS domain of a process: its number and how far it reaches, by ROS's environment variables or by option."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum
from types import TracebackType

from hoi_perception.ros.dds.names import NodeSetupError

LAST_DOMAIN = 232
"""Highest number whose ports exist (DDSI-RTPS 9.6.1.1)."""


class Reach(Enum):
    """How far the participants of a domain see one another."""

    SUBNET = "subnet"
    LOCALHOST = "localhost"

    @staticmethod
    def of_environment(environment: Mapping[str, str] = os.environ) -> Reach:
        """What ROS_LOCALHOST_ONLY or else ROS_AUTOMATIC_DISCOVERY_RANGE says; NodeSetupError for another range."""
        if environment.get("ROS_LOCALHOST_ONLY") == "1":
            return Reach.LOCALHOST
        match environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", ""):
            case "LOCALHOST":
                return Reach.LOCALHOST
            case "" | "SUBNET" | "SYSTEM_DEFAULT":
                return Reach.SUBNET
            case other:
                raise NodeSetupError(f"ROS_AUTOMATIC_DISCOVERY_RANGE={other}: set it to LOCALHOST or SUBNET")


def domain_of_environment(environment: Mapping[str, str] = os.environ) -> int:
    """ROS_DOMAIN_ID, 0 without one; NodeSetupError if it is none."""
    text = environment.get("ROS_DOMAIN_ID", "").strip() or "0"
    if not text.isdecimal():
        raise NodeSetupError(f"ROS_DOMAIN_ID={text}: set it to a number from 0 to {LAST_DOMAIN}")
    return int(text)


def peers_of_environment(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Addresses of ROS_STATIC_PEERS; NodeSetupError for what is none."""
    peers = tuple(peer for peer in environment.get("ROS_STATIC_PEERS", "").split(";") if peer)
    for peer in peers:
        if not re.fullmatch(r"[\w.:%-]+", peer):
            raise NodeSetupError(f"ROS_STATIC_PEERS: '{peer}' is no address: separate addresses by semicolons")
    return peers


class Domain:
    """A DDS domain, opened once in a process; it has to outlive its participants.

    A configuration of the user in CYCLONEDDS_URI goes before `reach` and `peers`. NodeSetupError where Cyclone DDS is
    missing or refuses.
    """

    def __init__(self, number: int, reach: Reach = Reach.SUBNET, peers: tuple[str, ...] = ()) -> None:
        if not 0 <= number <= LAST_DOMAIN:
            raise NodeSetupError(f"domain {number}: give a number from 0 to {LAST_DOMAIN}")
        try:
            from cyclonedds import domain
            from cyclonedds.core import DDSException
        except ImportError as error:
            raise NodeSetupError(
                f"Cyclone DDS is not installed ({error}): pip install cyclonedds, or start the node with ros2 launch"
            ) from None
        self.number = number
        text = os.environ.get("CYCLONEDDS_URI") or configuration(reach, peers)
        try:
            self._domain: domain.Domain | None = domain.Domain(number, text)
        except DDSException as error:
            if error.code == DDSException.DDS_RETCODE_PRECONDITION_NOT_MET:
                raise NodeSetupError(f"domain {number} is open already in this process: open it once") from None
            raise NodeSetupError(f"domain {number} cannot be opened ({error}): check CYCLONEDDS_URI") from None

    def close(self) -> None:
        """Frees Cyclone's threads and sockets."""
        self._domain = None

    def __enter__(self) -> Domain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def configuration(reach: Reach, peers: tuple[str, ...] = ()) -> str:
    """Cyclone's configuration.

    Images come in hundreds of packets, so the receive buffer is the largest that the system grants. On this machine
    alone there is no multicast: participants find one another through the ports of their index, as ROS's do.
    """
    general, discovery = "", ""
    if reach is Reach.LOCALHOST:
        general = (
            '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces><AllowMulticast>false</AllowMulticast>'
            "<MaxMessageSize>65500B</MaxMessageSize>"
        )
        discovery = "<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>119</MaxAutoParticipantIndex>"
        peers = ("127.0.0.1", *peers)
    if peers:
        discovery += "<Peers>" + "".join(f'<Peer address="{peer}"/>' for peer in peers) + "</Peers>"
    return (
        f"<CycloneDDS><Domain><General>{general}</General><Discovery>{discovery}</Discovery>"
        '<Internal><SocketReceiveBufferSize max="16MB"/></Internal></Domain></CycloneDDS>'
    )
