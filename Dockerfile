# The image of all processes: web, bridge, workers, scheduler. The command says which one it is.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH
RUN python -m venv /venv
WORKDIR /app
COPY . .
# Editable: the code stays in /app, where `manage.py` and the static files look for each other.
RUN pip install --constraint constraints.txt --editable .
# Settings must be there to be read; none of these leads anywhere, and none gets into the image.
RUN AWS_REGION=none AWS_S3_EMAIL_BUCKET=none DATABASE_URL=postgresql://none/none \
    MASK_DOMAINS=none REPLIES_ADDRESS=none RELAY_FROM_ADDRESS=none SECRET_KEY=none \
    SITE_ORIGIN=http://none \
    python manage.py collectstatic --noinput

# Embedded servers on top, for docker-compose.yml's stand-in for AWS. Never for production.
FROM build AS build-local
RUN pip install --constraint constraints.txt --editable '.[local]'

FROM python:3.11-slim-bookworm AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --create-home relay
WORKDIR /app

FROM base AS local
COPY --from=build-local /venv /venv
COPY --from=build-local /app /app
RUN mkdir /data && chown relay /data
USER relay
CMD ["python", "-m", "relay.local.container", "/data"]

FROM base AS production
# What /__version__ tells: docker build --build-arg VERSION_COMMIT=…
ARG VERSION_SOURCE VERSION_COMMIT VERSION_BUILD
ENV VERSION_SOURCE=$VERSION_SOURCE VERSION_COMMIT=$VERSION_COMMIT VERSION_BUILD=$VERSION_BUILD
COPY --from=build /venv /venv
COPY --from=build /app /app
USER relay
EXPOSE 8000
CMD ["gunicorn", "relay.wsgi", "--bind", "0.0.0.0:8000"]
