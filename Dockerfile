# The image of Slipstream: one program with every role and the cockpit inside.
#
#   docker build -t slipstream .
#   docker run --rm slipstream --help

FROM node:22-bookworm-slim AS cockpit
WORKDIR /src/dashboards/cockpit
COPY dashboards/cockpit/ ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
RUN npm run build

FROM rust:1.95-bookworm AS program
WORKDIR /src
COPY . .
COPY --from=cockpit /src/dashboards/cockpit/dist dashboards/cockpit/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package slipstream-server --bin slipstream --features jemalloc \
    && install -D target/release/slipstream /out/slipstream

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home slipstream
COPY --from=program /out/slipstream /usr/local/bin/slipstream
USER slipstream
ENV SLIPSTREAM_LISTEN=0.0.0.0:8080 SLIPSTREAM_LOG_FORMAT=json
EXPOSE 8080
# SIGTERM drains: streams are handed over before the process ends.
STOPSIGNAL SIGTERM
ENTRYPOINT ["slipstream"]
CMD ["serve"]
