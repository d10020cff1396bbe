"""Symmetric positive definite systems solved by a block of threads, as Warp functions."""

# In Warp `int(0)` declares a variable that a loop may change, plain `0` a constant.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from hoi_perception.kernels.block import LANES, wait_for_block

wp.config.log_level = wp.LOG_WARNING


@wp.func
def eliminate(factor: wp.array3d(dtype=wp.float64), b: int, n: int, strand: int, strands: int) -> int:
    """Upper factor and right-hand side of a symmetric matrix; 0 where it is not positive definite or not finite.

    Elimination without square roots (the L D L' form of Cholesky's): row j stays as it is once it is the pivot's.
    """
    lanes = wp.min(strands, LANES)
    for j in range(n):
        pivot = factor[b, j, j]
        if not (pivot > wp.float64(0.0) and wp.isfinite(pivot)):
            return 0
        for k in range(j + 1 + strand // lanes, n, strands // lanes):
            share = factor[b, j, k] / pivot
            for i in range(k + strand % lanes, n + 1, lanes):
                factor[b, k, i] = factor[b, k, i] - share * factor[b, j, i]
        wait_for_block()
    return 1


@wp.func
def substitute(
    factor: wp.array3d(dtype=wp.float64), b: int, n: int, strand: int, strands: int, x: wp.array2d(dtype=wp.float64)
) -> int:
    """The solution from what `eliminate` left, from the last unknown to the first; 0 where it is not finite."""
    fine = int(1)
    for passed in range(n):
        j = n - 1 - passed
        value = factor[b, j, n] / factor[b, j, j]
        if not wp.isfinite(value):
            fine = 0
        for k in range(strand, j, strands):
            factor[b, k, n] = factor[b, k, n] - factor[b, k, j] * value
        if strand == 0:
            x[b, j] = value
        wait_for_block()
    return fine
