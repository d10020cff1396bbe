"""Edges of a mesh that turn away from a camera, and places spread over them, as Warp kernels for one thread of a CPU.

Of each edge the next one's place in the lists is known only when it has been looked at, and all of it takes less time
than a few launches.
"""

# In Warp `int(0)` declares a variable that a loop may change, plain `0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.border import BOXED
from hoi_perception.kernels.lens import Lens, pixel_of

wp.config.log_level = wp.LOG_WARNING
wp.set_module_options({"enable_backward": False})

NOUGHT = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))
LEAST = wp.constant(wp.float64(1.0e-12))


@wp.struct
class Mesh:
    """`instruments.contour_model.ContourModel`: planes of faces and edges with the faces beside them, in the frames of
    links (m). `soft` are normals of edges that stand for a rounded surface, else 0."""

    vertices: wp.array(dtype=wp.vec3d)
    links: wp.array(dtype=wp.int32)
    normals: wp.array(dtype=wp.vec3d)
    offsets: wp.array(dtype=wp.float64)
    face_links: wp.array(dtype=wp.int32)
    ends: wp.array(dtype=wp.vec2i)
    sides: wp.array(dtype=wp.vec2i)
    soft: wp.array(dtype=wp.vec3d)


@wp.struct
class Turning:
    """Room for edges that turn away: index, ends in the camera frame (m), in the image (px, what the mesh covers to the
    left), boxes round `BOXED` of them, sums of their lengths in the image up to their ends (px), shares of them at
    which they enter the image and leave it."""

    count: wp.array(dtype=wp.int32)
    shown: wp.array(dtype=wp.uint8)
    index: wp.array(dtype=wp.int32)
    start: wp.array(dtype=wp.vec3d)
    end: wp.array(dtype=wp.vec3d)
    line: wp.array(dtype=wp.vec4)
    boxes: wp.array(dtype=wp.vec4)
    total: wp.array(dtype=wp.float64)
    part: wp.array(dtype=wp.vec2d)


@wp.struct
class Places:
    """Room for places on edges: number of the edge in `Turning`, link, camera frame and link (m), image (px), unit
    normals there, outward, and lifted to the link's frame."""

    edge: wp.array(dtype=wp.int32)
    link: wp.array(dtype=wp.int32)
    camera: wp.array(dtype=wp.vec3d)
    own: wp.array(dtype=wp.vec3d)
    px: wp.array(dtype=wp.vec2d)
    normal: wp.array(dtype=wp.vec2d)
    lifted: wp.array(dtype=wp.vec3d)
    px_short: wp.array(dtype=wp.vec2)
    normal_short: wp.array(dtype=wp.vec2)


@wp.func
def part_of_axis(part: wp.vec2d, at: wp.float64, step: wp.float64, rim: wp.float64, size: wp.float64) -> wp.vec2d:
    """The part of a line, as shares of it, that is not within `rim` of the border of an image along one axis."""
    by = step
    if by == NOUGHT:
        by = LEAST
    low = (rim - at) / by
    high = (size - ONE - rim - at) / by
    return wp.vec2d(wp.max(part[0], wp.min(low, high)), wp.min(part[1], wp.max(low, high)))


@wp.kernel
def find_edges(
    mesh: Mesh,
    R: wp.array(dtype=wp.mat33d),
    t: wp.array(dtype=wp.vec3d),
    away: wp.array(dtype=wp.uint8),
    lens: Lens,
    size: wp.vec2d,
    rim: wp.float64,
    found: Turning,
) -> None:
    """Edges between a face that shows its front to the camera and one that does not, or is `away` (1)."""
    of_link = int(-1)
    eye = wp.vec3d()
    n_faces = mesh.offsets.shape[0]
    for i in range(n_faces):
        if mesh.face_links[i] != of_link:
            of_link = mesh.face_links[i]
            eye = -(wp.transpose(R[of_link]) * t[of_link])
        front = wp.dot(mesh.normals[i], eye) > mesh.offsets[i]
        found.shown[i] = wp.where(front and away[i] == wp.uint8(0), wp.uint8(1), wp.uint8(0))
    found.shown[n_faces] = wp.uint8(0)
    n = int(0)
    total = wp.float64(0.0)
    low = wp.vec2(0.0, 0.0)
    high = wp.vec2(0.0, 0.0)
    for e in range(mesh.ends.shape[0]):
        left = found.shown[mesh.sides[e][0]]
        if left != found.shown[mesh.sides[e][1]]:
            first = mesh.ends[e][0]
            last = mesh.ends[e][1]
            if left == wp.uint8(0):
                first = mesh.ends[e][1]
                last = mesh.ends[e][0]
            link = mesh.links[first]
            start = R[link] * mesh.vertices[first] + t[link]
            end = R[link] * mesh.vertices[last] + t[link]
            a = pixel_of(lens, start)
            b = pixel_of(lens, end)
            line = wp.vec4(float(a[0]), float(a[1]), float(b[0]), float(b[1]))
            along = wp.vec2d(wp.float64(line[2]) - wp.float64(line[0]), wp.float64(line[3]) - wp.float64(line[1]))
            part = wp.vec2d(NOUGHT, ONE)
            part = part_of_axis(part, wp.float64(line[0]), along[0], rim, size[0])
            part = part_of_axis(part, wp.float64(line[1]), along[1], rim, size[1])
            total += wp.length(along) * wp.max(part[1] - part[0], NOUGHT)
            found.index[n] = e
            found.start[n] = start
            found.end[n] = end
            found.line[n] = line
            found.part[n] = part
            found.total[n] = total
            least = wp.vec2(wp.min(line[0], line[2]), wp.min(line[1], line[3]))
            most = wp.vec2(wp.max(line[0], line[2]), wp.max(line[1], line[3]))
            if n % BOXED == 0:
                low = least
                high = most
            low = wp.min(low, least)
            high = wp.max(high, most)
            middle = (low + high) * 0.5
            half = (high - low) * 0.5
            found.boxes[n / BOXED] = wp.vec4(middle[0], middle[1], half[0], half[1])
            n += 1
    found.count[0] = n
    found.count[1] = wp.where(n > 0 and total > NOUGHT, 1, 0)


@wp.kernel
def spread_places(
    mesh: Mesh,
    R: wp.array(dtype=wp.mat33d),
    t: wp.array(dtype=wp.vec3d),
    lens: Lens,
    agree: wp.float64,
    found: Turning,
    places: Places,
) -> None:
    """Places spread evenly in the image over all edges that turn away.

    Normals are those of the edges, or of the surface where edges that stand for a rounded one run across its contour:
    one over a finely meshed round body zigzags between edges that run into the picture.
    """
    if found.count[1] == 0:
        return
    n = places.edge.shape[0]
    whole = found.total[found.count[0] - 1]
    j = int(0)
    for k in range(n):
        at = (wp.float64(k) + wp.float64(0.5)) / wp.float64(n) * whole
        while j < found.count[0] - 1 and found.total[j] < at:
            j += 1
        line = found.line[j]
        along = wp.vec2d(wp.float64(line[2]) - wp.float64(line[0]), wp.float64(line[3]) - wp.float64(line[1]))
        length = wp.length(along)
        share = found.part[j][1] - (found.total[j] - at) / length
        start = found.start[j]
        end = found.end[j]
        near = (ONE - share) * end[2]  # shares of a line in the image are none in space
        far = share * start[2]
        p = (near * start + far * end) / (near + far)
        normal = wp.vec2d(-along[1] / length, along[0] / length)
        link = mesh.links[mesh.ends[found.index[j]][0]]
        soft = R[link] * mesh.soft[found.index[j]]
        across = wp.vec2d(
            (soft[0] - p[0] * (soft[2] / p[2])) * lens.focal[0, 0],
            (soft[1] - p[1] * (soft[2] / p[2])) * lens.focal[1, 1],
        )
        steep = wp.length(across)
        across = across / wp.max(steep, LEAST)
        if steep > LEAST and wp.dot(across, normal) < agree:
            normal = across
        px = pixel_of(lens, p)
        back = wp.transpose(R[link])
        places.edge[k] = j
        places.link[k] = link
        places.camera[k] = p
        places.own[k] = back * (p - t[link])
        places.px[k] = px
        places.normal[k] = normal
        places.lifted[k] = back * wp.vec3d(normal[0], normal[1], NOUGHT)
        places.px_short[k] = wp.vec2(float(px[0]), float(px[1]))
        places.normal_short[k] = wp.vec2(float(normal[0]), float(normal[1]))
