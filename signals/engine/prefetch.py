"""Asking for memory ahead of time, in compiled kernels.

Rows that are read here and there wait for memory, each as long as some two hundred additions. What
has been asked for is there when it is read, and asking waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1  # arguments of llvm.prefetch, see LLVM's language reference


def _prefetch(_context: Any, array: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for the beginning of ``array[index]``; ``index`` is unsigned, and may be any row's."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, given[0])
        stride = builder.extract_value(held.strides, 0)
        offset = builder.mul(stride, builder.zext(given[1], stride.type))
        start = builder.bitcast(held.data, ir.IntType(8).as_pointer())
        address = builder.gep(start, [offset])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(ask, [address, *(ir.Constant(number, n) for n in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(array, index), generate


prefetch: Any = intrinsic(_prefetch)
"""``prefetch(array, index)`` for kernels alone."""
