"""The operators' controls: pause, freeze, and what was ordered before."""
