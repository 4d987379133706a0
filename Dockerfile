# The image of reconcile: an interpreter, what it needs of the base, the locked packages and the program; no shell.
# The base gives Python 3.11 or later with venv, on Debian or anything else with glibc and /bin/sh.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG INDEX=""
ARG SOURCE_DATE_EPOCH=0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_REQUIRE_VIRTUALENV=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
WORKDIR /build

# What builds the image stays in /tools. Secrets exist during this step only: pip's configuration and trusted certificates
# of the machine that builds, where they are given.
COPY requirements-image.lock requirements.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/run/certificates.pem \
    if [ -n "${INDEX}" ]; then export PIP_INDEX_URL="${INDEX}"; fi; \
    if [ -s /run/certificates.pem ]; then export PIP_CERT=/run/certificates.pem; fi; \
    python3 -m venv /tools \
    && /tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements-image.lock \
    && python3 -m venv --without-pip /opt/reconcile \
    && /tools/bin/pip --python /opt/reconcile/bin/python install --no-compile --require-hashes --only-binary :all: \
        --requirement requirements.lock

COPY pyproject.toml README.md ./
COPY cmd cmd
COPY reconcile reconcile
COPY deploy/image deploy/image
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /tools/bin/pip --python /opt/reconcile/bin/python install --no-compile --no-deps --no-index dist/*.whl \
    && /tools/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
        --output-file sbom.json /opt/reconcile/bin/python \
    && python3 -m deploy.image.rootfs /opt/reconcile sbom.json /rootfs

FROM scratch
ARG VERSION=0
ARG REVISION=""
ARG BASE
LABEL org.opencontainers.image.title="appointment-reconciler" \
    org.opencontainers.image.description="Compares booked appointments with what the calendar providers say." \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}"
COPY --from=build /rootfs /
ENV PATH=/opt/reconcile/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /data
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["reconcile"]
