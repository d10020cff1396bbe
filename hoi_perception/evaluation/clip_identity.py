"""Whether tracks of instruments that look alike keep to theirs: swaps and merges, told from the pieces of a colour.

Connected pieces of the reference colour are followed by their overlap from frame to frame: a chain goes on as long as
its piece neither parts nor joins. A track that is alone on a chain belongs to it: another one alone on it later is a
swap. Two tracks on one piece that has room for one only, while another piece has none, are merged. What happens while
pieces are joined no colour tells: so orders from left to right, set by eye where all stand apart, are held beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from hoi_perception.evaluation.clip_colours import pieces

Mask = Bool[NDArray[np.bool_], "h w"]
SAME = 0.5
"""Intersection over union from which on a piece is that of the frame before."""
ON_PIECE = 0.5
"""Share of a silhouette's coloured pixels that lie on the piece that its track is on."""
ROOM = 1.4
"""Area of a piece over that of a silhouette up to which it shows only one instrument."""
EMPTY = 0.5
"""Area of a piece over that of a silhouette from which on it shows an instrument."""
LEAST_PIECE_PX = 400
MERGED_FRAMES = 5
"""Frames in a row from which on two tracks on one piece are a merge, and not two that pass each other."""


@dataclass(frozen=True, eq=False)
class Identity:
    """What was counted so far; `chains` are the latest pieces with the track that was last alone on each."""

    swaps: tuple[int, ...] = ()
    """Frames in which a track was found alone on the chain of another."""
    wrong_orders: tuple[int, ...] = ()
    """Frames in which tracks do not stand as they were seen to."""
    merges: int = 0
    merged: int = 0
    """Frames in a row in which two tracks shared a piece."""
    chains: tuple[tuple[Mask, int | None], ...] = field(default=())


def identity_after(
    before: Identity, index: int, silhouettes: Mapping[int, Mask], coloured: Mask, order: Sequence[int] | None
) -> Identity:
    """One frame more: silhouettes by track, the reference's pixels, tracks from left to right where it is known."""
    found = pieces(coloured, LEAST_PIECE_PX)
    on = {track: _piece_of(mask, found) for track, mask in silhouettes.items()}
    chains, swaps = [], list(before.swaps)
    for number, piece in enumerate(found):
        alone = [track for track, own in on.items() if own == number]
        last = _last_alone(piece, before.chains)
        now = alone[0] if len(alone) == 1 else last
        if last is not None and now != last:
            swaps.append(index)
        chains.append((piece, now))
    shared = is_merged(silhouettes, on, found)
    merged = before.merged + 1 if shared else 0
    wrong = list(before.wrong_orders)
    if order is not None and left_to_right(silhouettes) != tuple(order):
        wrong.append(index)
    return Identity(tuple(swaps), tuple(wrong), before.merges + (merged == MERGED_FRAMES), merged, tuple(chains))


def is_merged(silhouettes: Mapping[int, Mask], on: Mapping[int, int | None], found: Sequence[Mask]) -> bool:
    """Whether two tracks share a piece with room for one, and another one has none."""
    sizes = {track: int(mask.sum()) for track, mask in silhouettes.items()}
    taken = [number for number in on.values() if number is not None]
    most = max(sizes.values(), default=0)
    empty = any(n not in taken and piece.sum() >= EMPTY * most for n, piece in enumerate(found))
    return empty and any(taken.count(n) > 1 and piece.sum() <= ROOM * most for n, piece in enumerate(found))


def left_to_right(silhouettes: Mapping[int, Mask]) -> tuple[int, ...]:
    """Tracks by the middle of their silhouettes; those that are not in the picture are left out."""
    columns = {track: float(np.nonzero(mask)[1].mean()) for track, mask in silhouettes.items() if mask.any()}
    return tuple(sorted(columns, key=lambda track: columns[track]))


def _piece_of(silhouette: Mask, found: Sequence[Mask]) -> int | None:
    """The piece that holds at least `ON_PIECE` of a silhouette's coloured pixels."""
    shares = [int((silhouette & piece).sum()) for piece in found]
    total = sum(shares)
    if total == 0 or max(shares) < ON_PIECE * total:
        return None
    return int(np.argmax(shares))


def _last_alone(piece: Mask, chains: Sequence[tuple[Mask, int | None]]) -> int | None:
    """The track that was last alone on the piece that this one was in the frame before."""
    for earlier, track in chains:
        both = int((piece & earlier).sum())
        if both and both >= SAME * (piece | earlier).sum():
            return track
    return None
