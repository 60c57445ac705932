FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY pgstream ./pgstream
RUN python -m venv /opt/pgstream && /opt/pgstream/bin/pip install --no-cache-dir .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data pgstream && mkdir /data && chown pgstream /data
COPY --from=build /opt/pgstream /opt/pgstream
# An image may run on another processor than it was built on, so the kernels use nothing that only some have.
ENV PATH=/opt/pgstream/bin:$PATH NUMBA_CACHE_DIR=/opt/pgstream/kernels NUMBA_CPU_NAME=generic PYTHONUNBUFFERED=1
RUN pgstream compile && chmod -R a+rX /opt/pgstream/kernels
USER pgstream
VOLUME /data
EXPOSE 7432
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 7432), 2).close()"]
# A non-loopback address needs a password: docker run -e PGSTREAM_PASSWORD=… -p 7432:7432 -v data:/data pgstream
ENTRYPOINT ["pgstream"]
CMD ["serve", "--data-dir", "/data", "--listen", "0.0.0.0:7432"]
