# Aval as it runs anywhere: Node reads the TypeScript sources directly, so there is nothing to build.
# The root file system may be read-only; only /data is written to.
FROM node:24-slim

ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8700 \
    AVAL_HOME=/data

WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force && mkdir /data && chown node:node /data
COPY src ./src
COPY migrations ./migrations
COPY models ./models

USER node
VOLUME /data
EXPOSE 8700
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=32", "--initial-old-space-size=96", "src/main.ts"]
CMD ["serve"]
