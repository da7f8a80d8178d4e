// The official Node server SDK as a peer. Modes:
//   methods   call every method of the SDK against --url
//   mint      print tokens of the SDK, one JSON object a line
//   verify    verify the tokens and webhooks that come as JSON lines on standard input
//   sign      print a webhook as LiveKit sends it, signed by the SDK
//   receive   take webhooks on --port of loopback, verify each, print its name; ends after --until

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { AccessToken, TokenVerifier, WebhookReceiver } from "livekit-server-sdk";
import { everyMethod, expect } from "./every_method.mjs";

const FORGED = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: "http://127.0.0.1:7880" },
    "api-key": { type: "string", default: "devkey" },
    "api-secret": { type: "string", default: "secret" },
    official: { type: "boolean", default: false },
    port: { type: "string", default: "0" },
    until: { type: "string", default: "room_finished" },
  },
});
const key = values["api-key"];
const secret = values["api-secret"];

async function mint() {
  const token = new AccessToken(key, secret, {
    identity: "anna",
    name: "Anna",
    metadata: "m",
    attributes: { a: "1" },
    ttl: "10m",
  });
  token.addGrant({ roomJoin: true, room: "lobby", canPublish: false, canUpdateOwnMetadata: true });
  token.addSIPGrant({ admin: true, call: true });
  token.kind = "agent";
  console.log(JSON.stringify({ token: await token.toJwt(), identity: "anna", room: "lobby" }));
}

async function verify() {
  const verifier = new TokenVerifier(key, secret);
  const receiver = new WebhookReceiver(key, secret);
  let seen = 0;
  for (const line of (await text(process.stdin)).split("\n").filter(Boolean)) {
    const given = JSON.parse(line);
    if (given.token) {
      const claims = await verifier.verify(given.token);
      expect(claims.sub === given.identity, `identity ${claims.sub}`);
      expect((claims.video?.room ?? "") === given.room, `room ${claims.video?.room}`);
    } else {
      const event = await receiver.receive(given.body, given.authorization);
      expect(event.event === given.event, `event ${event.event}`);
    }
    seen += 1;
  }
  console.log(`${seen} verified`);
}

async function sign() {
  const room = { sid: "RM_abcdefghijkl", name: "theirs", creationTime: "1795350000" };
  const id = `EV_${Date.now().toString(36).padStart(12, "x")}`;
  const createdAt = String(Math.floor(Date.now() / 1000));
  const body = JSON.stringify({ event: "room_started", room, id, createdAt });
  const token = new AccessToken(key, secret, { ttl: "5m" });
  token.sha256 = createHash("sha256").update(body).digest("base64");
  console.log(JSON.stringify({ body, authorization: await token.toJwt() }));
}

function receive() {
  const receiver = new WebhookReceiver(key, secret);
  const server = createServer(async (request, response) => {
    const body = await text(request);
    try {
      const event = await receiver.receive(body, request.headers.authorization);
      response.writeHead(200).end();
      console.log(JSON.stringify({ event: event.event, room: event.room?.name ?? "" }));
      if (event.event === values.until) process.exit(0);
    } catch (error) {
      console.error(`refused: ${error.message}`);
      response.writeHead(401).end();
      process.exit(FORGED);
    }
  });
  server.listen(Number(values.port), "127.0.0.1", () => {
    console.log(JSON.stringify({ listening: server.address().port }));
  });
}

const modes = {
  methods: async () => {
    process.exitCode = await everyMethod({ url: values.url, key, secret, official: values.official });
  },
  mint,
  verify,
  sign,
  receive,
};
const mode = modes[positionals[0]];
if (!mode) {
  console.error(`usage: peer.mjs ${Object.keys(modes).join("|")}`);
  process.exitCode = 64;
} else {
  await mode();
}
