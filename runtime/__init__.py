"""What every process needs: settings, logging, Sentry, metrics, Redis. Imports nothing of ours."""
