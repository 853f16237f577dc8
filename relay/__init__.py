"""The Django project: settings, logging, Sentry, and what operators use."""
