"""Dead letters, as operators find, inspect, requeue and delete them."""
