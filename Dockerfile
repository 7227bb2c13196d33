# syntax=docker/dockerfile:1
# One image, one command per service: infra/building.yaml says which. Nothing is compiled, everything is a wheel.
#   docker buildx build --platform linux/arm64 .

FROM python:3.14-slim-trixie@sha256:51dafde81dbdb6ebde285137a295cf18a47ca95234fe388a343719cb97305b3d AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build

RUN python -m venv --without-pip /app
# Every file by its hash; whatever has none is refused.
COPY requirements/production.txt requirements/
RUN python -m pip --python /app/bin/python install --require-hashes --only-binary :all: --no-deps -r requirements/production.txt

COPY src/tatemono src/tatemono
RUN cp -r src/tatemono "$(/app/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
    && /app/bin/python -m compileall -q /app/lib

FROM python:3.14-slim-trixie@sha256:51dafde81dbdb6ebde285137a295cf18a47ca95234fe388a343719cb97305b3d

# The same number as `user` of the task definitions: nobody's.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tatemono
COPY --from=build /app /app

ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /app
# Each service has its own; this one says that somebody forgot it.
CMD ["python", "-c", "raise SystemExit('Name a command of infra/building.yaml, e.g. python -m tatemono.entrypoints.web')"]
