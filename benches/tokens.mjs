// Mint and verify with the official Node SDK; prints microseconds as JSON.
// Arguments: the key, its secret, and the directory that livekit-server-sdk is installed in.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [key, secret, modules] = process.argv.slice(2);
const sdk = join(modules, "livekit-server-sdk");
const manifest = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8"));
const main = createRequire(join(modules, "x.js")).resolve("livekit-server-sdk");
const { AccessToken, TokenVerifier } = await import(pathToFileURL(main));
const ROUNDS = 11;
const EACH = 1000;

async function mint() {
  const token = new AccessToken(key, secret, {
    identity: "caller-4711",
    name: "A caller",
    metadata: '{"from":"desk"}',
    attributes: { lang: "en" },
    ttl: 600,
  });
  token.addGrant({ roomJoin: true, room: "lobby", canPublish: true, canSubscribe: true });
  return token.toJwt();
}

async function measured(step) {
  for (let i = 0; i < EACH; i++) await step();
  const took = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < EACH; i++) await step();
    took.push(Number(process.hrtime.bigint() - start) / EACH / 1e3);
  }
  return took.sort((a, b) => a - b)[ROUNDS >> 1];
}

const token = await mint();
const verifier = new TokenVerifier(key, secret);
if ((await verifier.verify(token)).video.room !== "lobby") throw new Error("not the room");
console.log(
  JSON.stringify({
    version: manifest.version,
    mint_us: await measured(mint),
    verify_us: await measured(() => verifier.verify(token)),
  }),
);
