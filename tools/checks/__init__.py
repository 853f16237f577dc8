"""Our own checks in `make lint`."""
