"""Which faces of a mesh pierce other faces of it, as a Warp kernel."""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})


@wp.func
def shares_corner(a: wp.vec3i, b: wp.vec3i) -> bool:
    """True where two faces have a vertex in common."""
    shared = bool(False)  # a variable that a loop may change  # noqa: UP018
    for k in range(3):
        shared = shared or a[k] == b[0] or a[k] == b[1] or a[k] == b[2]
    return shared


@wp.func
def pierces(p: wp.vec3, q: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> bool:
    """True where the segment passes through the inside of a triangle; touching does not count.

    Möller and Trumbore, Fast, minimum storage ray/triangle intersection (Journal of Graphics Tools 2, 1997).
    """
    margin = 1.0e-3
    along = q - p
    ab = b - a
    ac = c - a
    across = wp.cross(along, ac)
    det = wp.dot(ab, across)
    if wp.abs(det) < 1.0e-6 * wp.length(along) * wp.length(ab) * wp.length(ac):
        return False
    ap = p - a
    u = wp.dot(ap, across) / det
    up = wp.cross(ap, ab)
    v = wp.dot(along, up) / det
    t = wp.dot(ac, up) / det
    return u > margin and v > margin and u + v < 1.0 - margin and t > margin and t < 1.0 - margin


@wp.kernel
def find_piercing(mesh: wp.uint64, faces: wp.array(dtype=wp.vec3i), found: wp.array(dtype=wp.int32)) -> None:
    """1 for each face of which an edge passes through a face with which it shares no corner."""
    face = wp.tid()
    m = wp.mesh_get(mesh)
    i = faces[face]
    a = m.points[i[0]]
    b = m.points[i[1]]
    c = m.points[i[2]]
    query = wp.mesh_query_aabb(mesh, wp.min(a, wp.min(b, c)), wp.max(a, wp.max(b, c)))
    for other in query:
        j = faces[other]
        if not shares_corner(i, j):
            d = m.points[j[0]]
            e = m.points[j[1]]
            f = m.points[j[2]]
            if pierces(a, b, d, e, f) or pierces(b, c, d, e, f) or pierces(c, a, d, e, f):
                found[face] = 1
                return
