# One static, stripped binary and the sample snapshot on an empty image. Its symbols stay in the build stage:
# `docker build --target build`, then copy /larder.debug.
#
#     docker build -t larder .
#     docker run --rm -p 50051:50051 -p 8080:8080 -p 9090:9090 larder
#
# It needs to write nowhere but to /var/cache/larder and /tmp: with --read-only, give it
# --tmpfs /var/cache/larder:mode=0700,uid=65532 --tmpfs /tmp:mode=1777. Probes and metrics are on 9090; refresh and rollback on
# 127.0.0.1:9091, inside the container (docs/security.md).
#
# No HEALTHCHECK: an empty image has nothing to run one with. Orchestrators ask GET /livez and GET /readyz on 9090 instead, as
# deploy/kubernetes.yaml does.

ARG BUILDER=docker.io/library/rust:1.95-bookworm
ARG BASE=scratch

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# With an explicit --target the flags are for the program only; build scripts and procedural macros cannot be static.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    target="$(rustc --print host-tuple)" && \
    RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --locked --release --package larder --bin larder \
            --features kafka,kinesis,sqs,nats,firehose,eventbridge --target "$target" && \
    mkdir -p /image/etc/ssl/certs /image/var/cache/larder /image/tmp && chmod 1777 /image/tmp && \
    cp "target/$target/release/larder" /image/larder && \
    .ci/split-symbols /image/larder 48000000 && mv /image/larder.debug /larder.debug && \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ && \
    echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM ${BASE}
COPY --from=build /image/etc /etc
COPY --from=build /image/tmp /tmp
COPY --from=build --chown=65532:65532 /image/var/cache/larder /var/cache/larder
COPY --from=build /image/larder /larder
COPY models /models
ENV LARDER_SERVER__GRPC_ADDR=0.0.0.0:50051 \
    LARDER_SERVER__HTTP_ADDR=0.0.0.0:8080 \
    LARDER_SERVER__ADMIN_ADDR=0.0.0.0:9090 \
    LARDER_SERVER__CONTROL_ADDR=127.0.0.1:9091 \
    LARDER_STORE=/models \
    LARDER_CACHE_DIR=/var/cache/larder \
    LARDER_TELEMETRY__LOG_FORMAT=json
USER 65532:65532
EXPOSE 50051 8080 9090
ENTRYPOINT ["/larder"]
CMD ["serve"]
