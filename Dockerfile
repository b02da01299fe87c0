# The controller's image, for clusters that pull. The local cluster's image is made by `make image`, without an engine.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-fund --no-audit
COPY . .
ARG COMMIT=unknown
RUN COMMIT=$COMMIT node build/main.ts webhook

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="kubectl-canary" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production HOME=/
COPY --from=build /src/dist/webhook/ /app/
USER 65532:65532
WORKDIR /app
EXPOSE 10250 8080
ENTRYPOINT ["/usr/local/bin/node", "/app/webhook.mjs"]
