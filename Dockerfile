# The controller's image, for clusters that pull. The local cluster's image is made by `make image`, without an engine.
# A tag can be moved to another image, so there is no default: say which one you have looked at, by its digest.
#   docker pull node:24-bookworm-slim && docker inspect --format '{{index .RepoDigests 0}}' node:24-bookworm-slim
#   docker build --build-arg NODE_IMAGE=node@sha256:... -t REGISTRY/kubectl-canary:0.1.0 .
ARG NODE_IMAGE
FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-fund --no-audit
COPY . .
ARG COMMIT=unknown
RUN COMMIT=$COMMIT node build/main.ts webhook

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="kubectl-canary" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production HOME=/
COPY --from=build /src/dist/webhook/ /app/
USER 65532:65532
WORKDIR /app
EXPOSE 10250 8080
ENTRYPOINT ["/usr/local/bin/node", "/app/webhook.mjs"]
