"""What operators use: gauges, health, dead letters."""
