"""Imports redis-py without OpenTelemetry.

redis-py loads all of OpenTelemetry's metrics wherever they are installed, which takes a process 50
ms and 2 MB. We don't use them, and OpenTelemetry itself only if a collector is set (`tracing.py`).
"""

import sys

_OTHER = "opentelemetry"

if _OTHER not in sys.modules:
    sys.modules[_OTHER] = None  # type: ignore[assignment] # to import it fails
    try:
        import redis  # noqa: F401
    finally:
        del sys.modules[_OTHER]
