"""Calls every public method of the official Python server SDK and checks each answer.

Which methods there are is asked of the SDK itself, so a method that a later version adds and this
script does not call is an error.
"""

import argparse
import asyncio
import base64
import hashlib
import inspect
import json
import sys
import time
import uuid
import warnings

from google.protobuf.duration_pb2 import Duration
from livekit import api, rtc
from livekit.protocol import egress, models

# The older names are called too, and the development secret is short.
warnings.simplefilter("ignore")

SERVICES = ("room", "agent_dispatch", "sip", "egress", "ingress", "connector")
GOOD, DIFFERENT, FORGOTTEN = 0, 1, 6

# Without a recorder LiveKit's own server waits for one in vain; ours knows that there is none.
NO_WORKER = {
    True: ("unavailable", 503, "no response from servers"),
    False: ("internal", 500, "egress not connected"),
}


class Different(Exception):
    """The server answered differently than expected."""


def expect(holds, what):
    if not holds:
        raise Different(what)


class Calls:
    """Calls methods by name and remembers which."""

    def __init__(self, lk):
        self.lk = lk
        self.called = set()

    def all(self):
        for service in SERVICES:
            for name, _ in inspect.getmembers(type(getattr(self.lk, service)), inspect.isfunction):
                if not name.startswith("_"):
                    yield f"{service}.{name}"

    async def __call__(self, method, *args, **more):
        service, name = method.split(".")
        self.called.add(method)
        return await getattr(getattr(self.lk, service), name)(*args, **more)

    async def refused(self, method, code, status, text, *args, **more):
        """The call must fail with exactly this code and status, and say this."""
        try:
            answer = await self(method, *args, **more)
        except api.TwirpError as error:
            told = (error.code, error.status)
            expect(told == (code, status), f"{method}: expected {code} {status}, got {told}: {error.message}")
            expect(text in error.message, f"{method}: {text!r} is not in {error.message!r}")
            return
        raise Different(f"{method}: expected {code}, got {answer!r}")


async def rooms(call, name):
    made = await call("room.create_room", api.CreateRoomRequest(
        name=name, metadata="m", empty_timeout=600, departure_timeout=600))
    expect(made.name == name and made.sid.startswith("RM_"), "create_room")
    listed = await call("room.list_rooms", api.ListRoomsRequest(names=[name]))
    expect([room.sid for room in listed.rooms] == [made.sid], "list_rooms")
    changed = await call(
        "room.update_room_metadata", api.UpdateRoomMetadataRequest(room=name, metadata="n"))
    expect(changed.metadata == "n", "update_room_metadata")


async def join(args, name, identity):
    """A participant of the official client SDK."""
    grants = api.VideoGrants(room_join=True, room=name)
    token = api.AccessToken(args.api_key, args.api_secret).with_identity(identity)
    room = rtc.Room()
    await room.connect(args.url.replace("http", "ws", 1), token.with_grants(grants).to_jwt())
    return room


async def publish(room):
    source = rtc.AudioSource(48000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    return await room.local_participant.publish_track(track, options)


async def participants(call, args, name):
    guest, hearer = await join(args, name, "guest"), await join(args, name, "hearer")
    heard = asyncio.get_running_loop().create_future()
    guest.on("data_received", lambda packet: heard.done() or heard.set_result(packet.data))
    sid = (await publish(guest)).sid
    who = dict(room=name, identity="guest")
    listed = await call("room.list_participants", api.ListParticipantsRequest(room=name))
    expect({one.identity for one in listed.participants} == {"guest", "hearer"}, "list_participants")
    for _ in range(100):
        got = await call("room.get_participant", api.RoomParticipantIdentity(**who))
        if [track.sid for track in got.tracks] == [sid]:
            break
        await asyncio.sleep(0.1)
    else:
        raise Different(f"get_participant does not tell the track: {got}")
    muted = await call(
        "room.mute_published_track", api.MuteRoomTrackRequest(**who, track_sid=sid, muted=True))
    expect(muted.track.sid == sid and muted.track.muted, "mute_published_track")
    changed = await call("room.update_participant", api.UpdateParticipantRequest(
        **who, name="Anna", metadata="m", attributes={"a": "1"},
        permission=models.ParticipantPermission(can_subscribe=True)))
    told = (changed.name, changed.metadata, changed.attributes["a"], changed.permission.can_publish)
    expect(told == ("Anna", "m", "1", False), f"update_participant {told}")
    await call("room.update_subscriptions", api.UpdateSubscriptionsRequest(
        room=name, identity="hearer", track_sids=[sid], subscribe=False))
    await call("room.send_data", api.SendDataRequest(
        room=name, data=b"hello", topic="t", destination_identities=["guest"],
        kind=models.DataPacket.Kind.RELIABLE))
    expect(await asyncio.wait_for(heard, 20) == b"hello", "send_data")
    gone = asyncio.get_running_loop().create_future()
    guest.on("disconnected", lambda reason: gone.done() or gone.set_result(reason))
    await call("room.remove_participant", api.RoomParticipantIdentity(**who))
    expect(await asyncio.wait_for(gone, 20) == rtc.DisconnectReason.PARTICIPANT_REMOVED, "removed")
    await hearer.disconnect()
    for method, request in (
        ("room.forward_participant", api.ForwardParticipantRequest),
        ("room.move_participant", api.MoveParticipantRequest),
    ):
        await call.refused(
            method, "invalid_argument", 400, "destination room cannot be the same as source room",
            request(**who, destination_room=name))


async def dispatches(call, name):
    made = await call("agent_dispatch.create_dispatch", api.CreateAgentDispatchRequest(
        agent_name="nobody-carries-this-name", room=name, metadata="m"))
    listed = await call("agent_dispatch.list_dispatch", room_name=name)
    expect(made.id in [one.id for one in listed], "list_dispatch")
    got = await call("agent_dispatch.get_dispatch", dispatch_id=made.id, room_name=name)
    expect(got.metadata == "m", "get_dispatch")
    gone = await call("agent_dispatch.delete_dispatch", dispatch_id=made.id, room_name=name)
    expect(gone.id == made.id, "delete_dispatch")


async def trunks(call, number):
    """Each method in its short name and in the older one, which the SDK keeps."""
    for sip in ("", "sip_"):
        info = api.SIPInboundTrunkInfo(name="in", numbers=[number])
        request = api.CreateSIPInboundTrunkRequest(trunk=info)
        made = await call(f"sip.create_{sip}inbound_trunk", request)
        own = made.sip_trunk_id
        told = await call(f"sip.update_{sip}inbound_trunk_fields", own, name="new")
        expect((told.name, list(told.numbers)) == ("new", [number]), "inbound fields")
        info.name = "whole"
        told = await call(f"sip.update_{sip}inbound_trunk", own, info)
        expect(told.name == "whole" and told.sip_trunk_id == own, "inbound replaced")
        told = await call(
            f"sip.list_{sip}inbound_trunk", api.ListSIPInboundTrunkRequest(trunk_ids=[own]))
        expect([one.name for one in told.items] == ["whole"], "inbound listed")
        await call(f"sip.delete_{sip}trunk", api.DeleteSIPTrunkRequest(sip_trunk_id=own))
        info = api.SIPOutboundTrunkInfo(name="out", address="sip.example.com", numbers=[number])
        request = api.CreateSIPOutboundTrunkRequest(trunk=info)
        made = await call(f"sip.create_{sip}outbound_trunk", request)
        own = made.sip_trunk_id
        told = await call(f"sip.update_{sip}outbound_trunk_fields", own, address="b.example.com")
        expect((told.address, told.name) == ("b.example.com", "out"), "outbound fields")
        info.name = "whole"
        told = await call(f"sip.update_{sip}outbound_trunk", own, info)
        expect((told.address, told.name) == ("sip.example.com", "whole"), "outbound replaced")
        told = await call(
            f"sip.list_{sip}outbound_trunk", api.ListSIPOutboundTrunkRequest(trunk_ids=[own]))
        expect([one.name for one in told.items] == ["whole"], "outbound listed")
        await call(f"sip.delete_{sip}trunk", api.DeleteSIPTrunkRequest(sip_trunk_id=own))


async def rules(call, name):
    for sip in ("", "sip_"):
        direct = api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name=name))
        info = api.SIPDispatchRuleInfo(rule=direct, trunk_ids=[f"ST_{name}"], name="rule")
        made = await call(
            f"sip.create_{sip}dispatch_rule", api.CreateSIPDispatchRuleRequest(dispatch_rule=info))
        own = made.sip_dispatch_rule_id
        told = await call(f"sip.update_{sip}dispatch_rule_fields", own, name="new")
        expect(told.name == "new" and list(told.trunk_ids) == [f"ST_{name}"], "rule fields")
        info.name = "whole"
        told = await call(f"sip.update_{sip}dispatch_rule", own, info)
        expect(told.name == "whole" and told.sip_dispatch_rule_id == own, "rule replaced")
        told = await call(
            f"sip.list_{sip}dispatch_rule", api.ListSIPDispatchRuleRequest(dispatch_rule_ids=[own]))
        expect([one.name for one in told.items] == ["whole"], "rule listed")
        await call(
            f"sip.delete_{sip}dispatch_rule",
            api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=own))


async def calls(call, name):
    request = api.CreateSIPParticipantRequest(
        sip_trunk_id="ST_none", sip_call_to="+15550100", room_name=name)
    await call.refused(
        "sip.create_sip_participant", "not_found", 404, "requested sip trunk does not exist", request)
    request = api.TransferSIPParticipantRequest(
        room_name=name, participant_identity="nobody", transfer_to="tel:+15550100",
        ringing_timeout=Duration(seconds=5))
    await call.refused(
        "sip.transfer_sip_participant", "not_found", 404, "participant does not exist", request)


async def recordings(call, args, name):
    """No worker for pixels or files of choice is connected, and the server says so."""
    file = api.EncodedFileOutput(filepath="a.ogg")
    starts = {
        "start_egress": egress.StartEgressRequest(
            room_name=name, template=egress.TemplateSource(layout="grid"),
            outputs=[egress.Output(file=egress.FileOutput(filepath="a.ogg"))]),
        "start_room_composite_egress": api.RoomCompositeEgressRequest(
            room_name=name, file_outputs=[file]),
        "start_web_egress": api.WebEgressRequest(url="https://example.com", file_outputs=[file]),
        "start_participant_egress": api.ParticipantEgressRequest(
            room_name=name, identity="a", file_outputs=[file]),
        "start_track_composite_egress": api.TrackCompositeEgressRequest(
            room_name=name, audio_track_id="TR_a", file_outputs=[file]),
        "start_track_egress": api.TrackEgressRequest(
            room_name=name, track_id="TR_a", file=api.DirectFileOutput(filepath="a.ogg")),
    }
    for method, request in starts.items():
        await call.refused(f"egress.{method}", *NO_WORKER[args.official], request)
    none = "egress does not exist"
    await call.refused("egress.stop_egress", "not_found", 404, none, api.StopEgressRequest(egress_id="EG_none"))
    await call.refused(
        "egress.update_layout", "not_found", 404, none,
        api.UpdateLayoutRequest(egress_id="EG_none", layout="grid"))
    await call.refused(
        "egress.update_stream", "not_found", 404, none,
        api.UpdateStreamRequest(egress_id="EG_none", add_output_urls=["rtmp://example.com/a"]))
    listed = await call("egress.list_egress", api.ListEgressRequest(room_name=name))
    expect(len(listed.items) == 0, "list_egress")


async def imports(call, name):
    made = await call("ingress.create_ingress", api.CreateIngressRequest(
        input_type=api.IngressInput.RTMP_INPUT, name="in", room_name=name, participant_identity="p"))
    expect(made.ingress_id.startswith("IN_") and made.stream_key, "create_ingress")
    own = made.ingress_id
    told = await call("ingress.update_ingress", api.UpdateIngressRequest(ingress_id=own, name="new"))
    expect((told.name, told.room_name) == ("new", name), "update_ingress")
    told = await call("ingress.list_ingress", api.ListIngressRequest(room_name=name))
    expect([one.name for one in told.items] == ["new"], "list_ingress")
    told = await call("ingress.delete_ingress", api.DeleteIngressRequest(ingress_id=own))
    expect(told.ingress_id == own, "delete_ingress")


async def messengers(call):
    """A service of LiveKit Cloud that neither this server nor LiveKit's own one has."""
    for method in sorted(call.all()):
        if not method.startswith("connector."):
            continue
        target = getattr(call.lk.connector, method.split(".")[1])
        request = next(iter(inspect.signature(target, eval_str=True).parameters.values())).annotation
        try:
            await call(method, request())
        except Exception as error:
            told = getattr(error, "status", None)
            expect(told == 404, f"{method}: {told} {error!r}")
        else:
            raise Different(f"{method} was answered")


def verify(args):
    """Tokens that come as JSON lines on standard input must verify with the SDK."""
    verifier, seen = api.TokenVerifier(args.api_key, args.api_secret), 0
    for line in sys.stdin:
        wanted = json.loads(line)
        claims = verifier.verify(wanted["token"])
        expect(claims.identity == wanted["identity"], f"identity {claims.identity}")
        expect(claims.video.room == wanted["room"], f"room {claims.video.room}")
        seen += 1
    print(f"{seen} verified")


def mint(args):
    """A token of the SDK."""
    config = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="helper-agent")])
    token = api.AccessToken(args.api_key, args.api_secret).with_identity("anna").with_name("Anna")
    token = token.with_grants(api.VideoGrants(room_join=True, room="lobby", can_publish=False))
    token = token.with_sip_grants(api.SIPGrants(admin=True, call=True)).with_room_config(config)
    print(json.dumps({"token": token.to_jwt()}))


def webhook(args):
    """One event as LiveKit sends it, signed by the SDK: body and header."""
    body = json.dumps({
        "event": "room_started", "id": "EV_" + uuid.uuid4().hex[:12], "createdAt": str(int(time.time())),
        "room": {"sid": "RM_abcdefghijkl", "name": "theirs", "creationTime": "1795350000"},
    })
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    token = api.AccessToken(args.api_key, args.api_secret).with_sha256(digest).to_jwt()
    print(json.dumps({"body": body, "authorization": token}))


async def run(args):
    name = f"every-{uuid.uuid4().hex[:8]}"
    async with api.LiveKitAPI(args.url, args.api_key, args.api_secret) as lk:
        call = Calls(lk)
        await rooms(call, name)
        await participants(call, args, name)
        await dispatches(call, name)
        await trunks(call, f"+1555{uuid.uuid4().int % 10**7:07}")
        await rules(call, name)
        await calls(call, name)
        await recordings(call, args, name)
        await imports(call, name)
        await messengers(call)
        await call("room.delete_room", api.DeleteRoomRequest(room=name))
        forgotten = sorted(set(call.all()) - call.called)
    if forgotten:
        print(f"never called: {', '.join(forgotten)}", file=sys.stderr)
        return FORGOTTEN
    print(f"{len(call.called)} methods", file=sys.stderr)
    return GOOD


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7880")
    parser.add_argument("--api-key", default="devkey")
    parser.add_argument("--api-secret", default="secret")
    parser.add_argument("--official", action="store_true", help="the server is LiveKit's own")
    for what in (verify, mint, webhook):
        parser.add_argument(f"--{what.__name__}", action="append_const", dest="instead", const=what,
                            help=f"instead: {what.__doc__}")
    args = parser.parse_args()
    try:
        for what in args.instead or ():
            what(args)
        if args.instead:
            return GOOD
        return asyncio.run(run(args))
    except Different as difference:
        print(f"different: {difference}", file=sys.stderr)
        return DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
