ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

# A virtual environment of its own keeps the connector's packages apart from those of the base image.
FROM ${BASE_IMAGE} AS build
USER root
RUN python -m venv --without-pip /opt/source-zoom
COPY requirements.txt /build/
RUN pip --python /opt/source-zoom/bin/python install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --no-deps --require-hashes --requirement /build/requirements.txt \
    && find /opt/source-zoom/lib -type d -name tests -prune -exec rm -rf {} +
COPY main.py LICENSE /airbyte/integration_code/
COPY source_zoom /airbyte/integration_code/source_zoom
RUN python -m compileall -q --invalidation-mode unchecked-hash /airbyte/integration_code

FROM ${BASE_IMAGE}
COPY --from=build /opt/source-zoom /opt/source-zoom
COPY --from=build /airbyte/integration_code /airbyte/integration_code
WORKDIR /airbyte/integration_code
ENV PATH="/opt/source-zoom/bin:${PATH}" \
    AIRBYTE_ENTRYPOINT="python /airbyte/integration_code/main.py"
USER airbyte
ENTRYPOINT ["python", "/airbyte/integration_code/main.py"]

LABEL io.airbyte.name=airbyte/source-zoom
LABEL io.airbyte.version=0.2.0
