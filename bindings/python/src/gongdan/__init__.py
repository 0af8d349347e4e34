"""Gongdan's phone replica: tickets that work without signal, and their sync.

Everything here is generated from the library; ``bindings/README.md`` tells how to use it.
"""

from ._bindings import gongdan as _phone
from ._bindings import gongdan_core as _core
from ._bindings.gongdan import *  # noqa: F403
from ._bindings.gongdan_core import *  # noqa: F403

__all__ = sorted({*_phone.__all__, *_core.__all__})
