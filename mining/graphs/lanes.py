"""Compare 64 numbers at once by vector instructions.

numba does not vectorise these loops, so they are written as LLVM intrinsics, which LLVM compiles for the machine at
hand.
"""

# ruff: noqa: ARG001 - numba passes all of these arguments

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 64
"""Numbers compared at once. In almost every group none is below the limit, so one test skips all of them."""

_MASK = ir.IntType(LANES)
_SIGN_PLACE, _ALL_BUT_SIGN = 15, 0x7FFF


def _in_llvm(function: Any) -> Callable[..., Any]:
    """``intrinsic``, typed: numba passes the first parameter itself, the others are the types of the arguments."""
    return intrinsic(function)


@njit(nogil=True, cache=True, inline="always")
def keys_below(products, sq_norms, start, limit):
    """uint64 whose bit i is set where sq_norms[start + i] − 2 · products[start + i] < limit. All are float32.

    Near the end of the arrays, the last ``LANES`` numbers are compared, and the bits of those before ``start`` dropped.
    """
    first = min(start, products.shape[0] - LANES)
    if first >= 0:
        return _keys_below(products, sq_norms, first, limit) >> np.uint64(start - first)
    mask = np.uint64(0)
    for i in range(products.shape[0] - start):
        mask |= np.uint64(sq_norms[start + i] - np.float32(2.0) * products[start + i] < limit) << np.uint64(i)
    return mask


@_in_llvm
def _keys_below(_typing: Any, products: Any, sq_norms: Any, start: Any, limit: Any):
    """``keys_below`` of ``LANES`` whole lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any):
        products, sq_norms = (
            _lanes(context, builder, signature.args[i], arguments[i], arguments[2], ir.FloatType())
            for i in (0, 1)
        )
        keys = builder.fsub(sq_norms, builder.fadd(products, products))
        found = builder.fcmp_ordered("<", keys, _spread(builder, arguments[3]))
        return builder.bitcast(found, _MASK)

    return types.uint64(products, sq_norms, types.int64, types.float32), generate


@_in_llvm
def keys_below_each(_typing: Any, products: Any, sq_norm: Any, limits: Any, start: Any):
    """uint64 whose bit i is set where sq_norm − 2 · products[start + i] < limits[start + i]. All are float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any):
        products, limits = (
            _lanes(context, builder, signature.args[i], arguments[i], arguments[3], ir.FloatType())
            for i in (0, 2)
        )
        keys = builder.fsub(_spread(builder, arguments[1]), builder.fadd(products, products))
        found = builder.fcmp_ordered("<", keys, limits)
        return builder.bitcast(found, _MASK)

    return types.uint64(products, types.float32, limits, types.int64), generate


@_in_llvm
def not_below(_typing: Any, numbers: Any, start: Any, least: Any):
    """uint64 whose bit i is set where numbers[start + i] ≥ least.

    numbers: bfloat16 as int16 bits. least: int16 that orders as the numbers do, see ``pools._ordered``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any):
        bits = _lanes(context, builder, signature.args[0], arguments[0], arguments[1], ir.IntType(16))
        sign = builder.ashr(bits, ir.Constant(bits.type, [_SIGN_PLACE] * LANES))
        turned = builder.and_(sign, ir.Constant(bits.type, [_ALL_BUT_SIGN] * LANES))
        found = builder.icmp_signed(">=", builder.xor(bits, turned), _spread(builder, arguments[2]))
        return builder.bitcast(found, _MASK)

    return types.uint64(numbers, types.int64, types.int16), generate


@_in_llvm
def lowest(_typing: Any, mask: Any):
    """int64: the position of the lowest bit set in a uint64, which must not be 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


def _lanes(context: Any, builder: Any, array_type: Any, array: Any, start: Any, number: Any):
    """Load ``LANES`` numbers of a contiguous array, from ``start`` on, as a vector."""
    data = context.make_array(array_type)(context, builder, array).data
    place = builder.bitcast(builder.gep(data, [start]), ir.VectorType(number, LANES).as_pointer())
    return builder.load(place, align=array_type.dtype.bitwidth // 8)


def _spread(builder: Any, number: Any):
    """A vector that holds ``number`` in all lanes."""
    vector = ir.VectorType(number.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    all_first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), all_first)
