# The server and its CLI, static, on nothing: `make image` builds the binaries into bin/ first.
# Root certificates for https checks are embedded in the binary.

FROM scratch AS site
COPY bin/demo /demo
USER 65532:65532
ENTRYPOINT ["/demo", "serve-a-toy-site"]

FROM scratch AS server
COPY bin/failoverdns bin/failoverctl /
# An empty directory that belongs to the unprivileged user: the replicated log lives here.
COPY --chown=65532:65532 deploy/compose/empty/ /data/
USER 65532:65532
WORKDIR /
VOLUME ["/data"]
EXPOSE 53/udp 53/tcp 7400/tcp 8053/tcp 9153/tcp
ENTRYPOINT ["/failoverdns"]
CMD ["-conf", "/etc/failoverdns/Corefile"]
