// Calls every method of the official Node server SDK and checks each answer.
//
// Which methods there are is asked of the SDK itself, so a method that a later version adds and
// this script does not call is an error.

import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  AgentDispatchClient,
  ConnectorClient,
  DataPacket_Kind,
  EgressClient,
  EncodedFileOutput,
  IngressClient,
  IngressInput,
  RoomServiceClient,
  SIPDispatchRule,
  SIPDispatchRuleDirect,
  SIPDispatchRuleInfo,
  SIPInboundTrunkInfo,
  SIPOutboundTrunkInfo,
  SipClient,
} from "livekit-server-sdk";
import {
  DirectFileOutput,
  FileOutput,
  Output,
  SessionDescription,
  StartEgressRequest,
  TemplateSource,
} from "@livekit/protocol";

const GOOD = 0;
const DIFFERENT = 1;
const FORGOTTEN = 6;

// Without a recorder LiveKit's own server waits for one in vain; ours knows that there is none.
const NO_WORKER = {
  true: ["unavailable", 503, "no response from servers"],
  false: ["internal", 500, "egress not connected"],
};
// And it asks for whoever is missing on a bus, where nobody answers.
const NOBODY = {
  true: ["unavailable", 503, "no response from servers"],
  false: ["not_found", 404, "participant does not exist"],
};

class Different extends Error {}

export function expect(holds, what) {
  if (!holds) throw new Different(what);
}

// Calls methods by name and remembers which.
class Calls {
  constructor(clients) {
    this.clients = clients;
    this.called = new Set();
  }

  all() {
    return Object.entries(this.clients).flatMap(([service, client]) =>
      Object.getOwnPropertyNames(Object.getPrototypeOf(client))
        .filter((name) => name !== "constructor" && !INNER.has(name))
        .map((name) => `${service}.${name}`),
    );
  }

  async call(method, ...args) {
    const [service, name] = method.split(".");
    this.called.add(method);
    return this.clients[service][name](...args);
  }

  // The call must fail with exactly this code and status, and say this.
  async refused(method, [code, status, text], ...args) {
    let answer;
    try {
      answer = await this.call(method, ...args);
    } catch (error) {
      const told = [error.code, error.status];
      expect(isDeepStrictEqual(told, [code, status]), `${method}: expected ${code} ${status}, got ${told}: ${error.message}`);
      expect(error.message.includes(text), `${method}: ${text} is not in ${error.message}`);
      return;
    }
    throw new Different(`${method}: expected ${code}, got ${JSON.stringify(answer)}`);
  }
}

// Private in the SDK's own language, which JavaScript does not see.
const INNER = new Set([
  "getOutputParams",
  "isEncodedOutputs",
  "isEncodedFileOutput",
  "isSegmentedFileOutput",
  "isStreamOutput",
]);

async function rooms(sdk, room) {
  const made = await sdk.call("room.createRoom", {
    name: room,
    metadata: "m",
    emptyTimeout: 600,
    departureTimeout: 600,
  });
  expect(made.name === room && made.sid.startsWith("RM_") && made.emptyTimeout === 600, "createRoom");
  const listed = await sdk.call("room.listRooms", [room]);
  expect(listed.length === 1 && listed[0].sid === made.sid, "listRooms");
  const changed = await sdk.call("room.updateRoomMetadata", room, "n");
  expect(changed.metadata === "n", "updateRoomMetadata");
}

// Nobody of this SDK can be in a room: the other peers look at those who are.
async function participants(sdk, room, official) {
  const missing = ["not_found", 404, "participant does not exist"];
  expect((await sdk.call("room.listParticipants", room)).length === 0, "listParticipants");
  await sdk.refused("room.getParticipant", missing, room, "nobody");
  await sdk.refused("room.removeParticipant", missing, room, "nobody");
  await sdk.refused("room.updateParticipant", missing, room, "nobody", { name: "A" });
  await sdk.refused("room.mutePublishedTrack", NOBODY[official], room, "nobody", "TR_none", true);
  await sdk.refused("room.updateSubscriptions", NOBODY[official], room, "nobody", ["TR_none"], true);
  const data = new TextEncoder().encode("hello");
  await sdk.call("room.sendData", room, data, DataPacket_Kind.RELIABLE, { topic: "t" });
  const same = ["invalid_argument", 400, "destination room cannot be the same as source room"];
  await sdk.refused("room.forwardParticipant", same, room, "nobody", room);
  await sdk.refused("room.moveParticipant", same, room, "nobody", room);
}

async function dispatches(sdk, room) {
  const made = await sdk.call("dispatch.createDispatch", room, "nobody-carries-this-name", { metadata: "m" });
  const listed = await sdk.call("dispatch.listDispatch", room);
  expect(listed.some((one) => one.id === made.id), "listDispatch");
  const got = await sdk.call("dispatch.getDispatch", made.id, room);
  expect(got.metadata === "m", "getDispatch");
  await sdk.call("dispatch.deleteDispatch", made.id, room);
  const left = await sdk.call("dispatch.listDispatch", room);
  expect(!left.some((one) => one.id === made.id && !one.state?.deletedAt), "deleteDispatch");
}

async function inbound(sdk, number) {
  const made = await sdk.call("sip.createSipInboundTrunk", "in", [number], { krispEnabled: true });
  const id = made.sipTrunkId;
  expect(id.startsWith("ST_") && made.krispEnabled, "createSipInboundTrunk");
  const named = await sdk.call("sip.updateSipInboundTrunkFields", id, { name: "new" });
  expect(named.name === "new" && named.numbers[0] === number, "updateSipInboundTrunkFields");
  const info = new SIPInboundTrunkInfo({ name: "whole", numbers: [number] });
  const whole = await sdk.call("sip.updateSipInboundTrunk", id, info);
  expect(whole.name === "whole" && whole.sipTrunkId === id, "updateSipInboundTrunk");
  const listed = await sdk.call("sip.listSipInboundTrunk", { trunkIds: [id] });
  expect(listed.length === 1 && listed[0].name === "whole", "listSipInboundTrunk");
  const gone = await sdk.call("sip.deleteSipTrunk", id);
  expect(gone.sipTrunkId === id, "deleteSipTrunk");
}

async function outbound(sdk, number) {
  const made = await sdk.call("sip.createSipOutboundTrunk", "out", "sip.example.com", [number]);
  const id = made.sipTrunkId;
  const named = await sdk.call("sip.updateSipOutboundTrunkFields", id, { name: "new" });
  expect(named.name === "new" && named.address === "sip.example.com", "updateSipOutboundTrunkFields");
  const info = new SIPOutboundTrunkInfo({ name: "whole", address: "b.example.com", numbers: [number] });
  const whole = await sdk.call("sip.updateSipOutboundTrunk", id, info);
  expect(whole.address === "b.example.com", "updateSipOutboundTrunk");
  const listed = await sdk.call("sip.listSipOutboundTrunk", { trunkIds: [id] });
  expect(listed.length === 1 && listed[0].name === "whole", "listSipOutboundTrunk");
  await sdk.call("sip.deleteSipTrunk", id);
}

async function rules(sdk, room) {
  const trunkIds = [`ST_${room}`];
  const made = await sdk.call("sip.createSipDispatchRule", { type: "direct", roomName: room }, { name: "rule", trunkIds });
  const id = made.sipDispatchRuleId;
  const named = await sdk.call("sip.updateSipDispatchRuleFields", id, { name: "new" });
  expect(named.name === "new" && named.trunkIds[0] === trunkIds[0], "updateSipDispatchRuleFields");
  const value = new SIPDispatchRuleDirect({ roomName: room });
  const rule = new SIPDispatchRule({ rule: { case: "dispatchRuleDirect", value } });
  const info = new SIPDispatchRuleInfo({ name: "whole", rule, trunkIds });
  const whole = await sdk.call("sip.updateSipDispatchRule", id, info);
  expect(whole.name === "whole", "updateSipDispatchRule");
  const listed = await sdk.call("sip.listSipDispatchRule", { dispatchRuleIds: [id] });
  expect(listed.length === 1 && listed[0].name === "whole", "listSipDispatchRule");
  await sdk.call("sip.deleteSipDispatchRule", id);
}

async function calls(sdk, room) {
  const trunk = ["not_found", 404, "requested sip trunk does not exist"];
  await sdk.refused("sip.createSipParticipant", trunk, "ST_none", "+15550100", room);
  const nobody = ["not_found", 404, "participant does not exist"];
  await sdk.refused("sip.transferSipParticipant", nobody, room, "nobody", "tel:+15550100");
  await sdk.call("sip.listSipTrunk");
  // The server has not had this one for years; the SDK still does.
  await sdk.refused("sip.createSipTrunk", ["bad_route", 404, "no handler for path"], "+15550100");
}

async function recordings(sdk, room, official) {
  const file = new EncodedFileOutput({ filepath: "a.ogg" });
  const starts = {
    startRoomCompositeEgress: [room, { file }],
    startWebEgress: ["https://example.com", { file }],
    startParticipantEgress: [room, "a", { file }],
    startTrackCompositeEgress: [room, { file }, { audioTrackId: "TR_a" }],
    startTrackEgress: [room, new DirectFileOutput({ filepath: "a.ogg" }), "TR_a"],
    startEgress: [
      new StartEgressRequest({
        roomName: room,
        source: { case: "template", value: new TemplateSource({ layout: "grid" }) },
        outputs: [new Output({ config: { case: "file", value: new FileOutput({ filepath: "a.ogg" }) } })],
      }),
    ],
  };
  for (const [name, args] of Object.entries(starts)) {
    await sdk.refused(`egress.${name}`, NO_WORKER[official], ...args);
  }
  const none = ["not_found", 404, "egress does not exist"];
  await sdk.refused("egress.stopEgress", none, "EG_none");
  await sdk.refused("egress.updateLayout", none, "EG_none", "grid");
  await sdk.refused("egress.updateStream", none, "EG_none", ["rtmp://example.com/a"]);
  const listed = await sdk.call("egress.listEgress", { roomName: room });
  expect(listed.length === 0, "listEgress");
}

async function imports(sdk, room) {
  const wish = { name: "in", roomName: room, participantIdentity: "p" };
  const made = await sdk.call("ingress.createIngress", IngressInput.RTMP_INPUT, wish);
  const id = made.ingressId;
  expect(id.startsWith("IN_") && made.streamKey.length > 0, "createIngress");
  const named = await sdk.call("ingress.updateIngress", id, { name: "new" });
  expect(named.name === "new" && named.roomName === room, "updateIngress");
  const listed = await sdk.call("ingress.listIngress", { roomName: room });
  expect(listed.length === 1 && listed[0].name === "new", "listIngress");
  const gone = await sdk.call("ingress.deleteIngress", id);
  expect(gone.ingressId === id, "deleteIngress");
}

// A service of LiveKit Cloud that neither this server nor LiveKit's own one has.
async function messengers(sdk, roomName) {
  const sdp = new SessionDescription({ type: "offer", sdp: "v=0" });
  const phone = { whatsappPhoneNumberId: "1", whatsappApiKey: "k", whatsappCloudApiVersion: "v23.0" };
  const wishes = {
    dialWhatsAppCall: [{ ...phone, whatsappToPhoneNumber: "+15550100", roomName }],
    acceptWhatsAppCall: [{ ...phone, whatsappCallId: "c", sdp, roomName }],
    connectWhatsAppCall: ["c", sdp],
    disconnectWhatsAppCall: ["c", "k"],
    connectTwilioCall: [{ twilioCallDirection: 0, roomName }],
  };
  for (const [name, args] of Object.entries(wishes)) {
    try {
      await sdk.call(`connector.${name}`, ...args);
    } catch (error) {
      expect(error.status === 404, `${name}: ${error.status} ${error}`);
      continue;
    }
    throw new Different(`${name} was answered`);
  }
}

export async function everyMethod({ url, key, secret, official }) {
  const options = { requestTimeout: 60 };
  const made = (Client) => new Client(url, key, secret, options);
  const sdk = new Calls({
    room: made(RoomServiceClient),
    dispatch: made(AgentDispatchClient),
    sip: made(SipClient),
    egress: made(EgressClient),
    ingress: made(IngressClient),
    connector: made(ConnectorClient),
  });
  const name = `every-${randomUUID().slice(0, 8)}`;
  const number = `+1555${String(Math.floor(Math.random() * 1e7)).padStart(7, "0")}`;
  try {
    await rooms(sdk, name);
    await participants(sdk, name, official);
    await dispatches(sdk, name);
    await inbound(sdk, number);
    await outbound(sdk, number);
    await rules(sdk, name);
    await calls(sdk, name);
    await recordings(sdk, name, official);
    await imports(sdk, name);
    await messengers(sdk, name);
    await sdk.call("room.deleteRoom", name);
  } catch (error) {
    if (!(error instanceof Different)) throw error;
    console.error(`different: ${error.message}`);
    return DIFFERENT;
  }
  const forgotten = sdk.all().filter((method) => !sdk.called.has(method));
  if (forgotten.length > 0) {
    console.error(`never called: ${forgotten.join(", ")}`);
    return FORGOTTEN;
  }
  console.error(`${sdk.called.size} methods`);
  return GOOD;
}
