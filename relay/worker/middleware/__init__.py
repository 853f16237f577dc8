"""What surrounds each actor: Dramatiq middleware, one idea a file.

Their order in the broker's list matters, since Dramatiq runs the `after_` hooks from the last to
the first. `relay.worker.broker` says what stands where, and why.
"""
