"""Threads of a block that work on one problem together."""

from __future__ import annotations

import warp as wp

wp.config.log_level = wp.LOG_WARNING

LANES = wp.constant(32)
"""Neighbouring threads that share a row of a matrix: what a GPU reads in one go."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
    __syncthreads();
#else
    WP_TILE_SYNC();
#endif
""")
def wait_for_block():
    """Go on when all threads of the block are here: each of them has to come, and then sees what the others wrote."""
