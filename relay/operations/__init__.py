"""What operators use: gauges, probes, dead letters, redrive, the dashboard."""
