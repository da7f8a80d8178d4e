"""Uses every part of the server API through the official Python SDK and checks the answers."""

import argparse
import asyncio
import datetime
import sys
import uuid

import aiohttp
from livekit import api

from webhook_receiver import Inbox

GOOD, DIFFERENT, UNREACHABLE, LATE, FORGED = 0, 1, 3, 4, 5


class Different(Exception):
    """The server answered differently than LiveKit would."""


class Late(Exception):
    """An expected event did not come in time."""


def expect(holds, what):
    if not holds:
        raise Different(what)


async def refused(call, code, status):
    """The call must fail with this Twirp code and HTTP status."""
    try:
        answer = await call
    except api.TwirpError as error:
        told = (error.code, error.status)
        expect(told == (code, status), f"expected {code} {status}, got {told}: {error.message}")
        return error
    raise Different(f"expected {code}, got {answer!r}")


async def rooms(lk, name):
    made = await lk.room.create_room(api.CreateRoomRequest(
        name=name, empty_timeout=60, max_participants=5, metadata="first"))
    expect(made.sid.startswith("RM_"), f"room sid {made.sid}")
    expect((made.name, made.empty_timeout, made.metadata) == (name, 60, "first"), "room fields")
    again = await lk.room.create_room(api.CreateRoomRequest(name=name, metadata="other"))
    expect((again.sid, again.metadata) == (made.sid, "first"), "create is idempotent")
    listed = await lk.room.list_rooms(api.ListRoomsRequest(names=[name, "no-such-room"]))
    expect([room.sid for room in listed.rooms] == [made.sid], "list by name")
    changed = await lk.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=name, metadata="second"))
    expect(changed.metadata == "second", "room metadata")
    people = await lk.room.list_participants(api.ListParticipantsRequest(room=name))
    expect(len(people.participants) == 0, "nobody is in the room")
    await lk.room.send_data(api.SendDataRequest(room=name, data=b"hello", topic="t"))
    nobody = api.RoomParticipantIdentity(room=name, identity="nobody")
    await refused(lk.room.get_participant(nobody), "not_found", 404)
    await refused(lk.room.remove_participant(nobody), "not_found", 404)
    await refused(lk.room.delete_room(api.DeleteRoomRequest(room="no-such-room")), "not_found", 404)
    await refused(
        lk.room.create_room(api.CreateRoomRequest(name="x" * 300)), "invalid_argument", 400)
    return made


async def dispatches(lk, name):
    made = await lk.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(
        agent_name="nobody-carries-this-name", room=name, metadata="m"))
    expect(made.id.startswith("AD_") and made.room == name, f"dispatch {made.id}")
    listed = await lk.agent_dispatch.list_dispatch(room_name=name)
    expect(made.id in [dispatch.id for dispatch in listed], "dispatch is listed")
    got = await lk.agent_dispatch.get_dispatch(dispatch_id=made.id, room_name=name)
    expect(got is not None and got.metadata == "m", "dispatch by id")
    gone = await lk.agent_dispatch.delete_dispatch(dispatch_id=made.id, room_name=name)
    expect(gone.id == made.id and gone.state.deleted_at > 0, "dispatch is deleted")
    await refused(
        lk.agent_dispatch.delete_dispatch(dispatch_id=made.id, room_name=name), "not_found", 404)
    await refused(lk.agent_dispatch.list_dispatch(room_name="no-such-room"), "not_found", 404)


async def inbound_trunks(lk, number):
    request = api.CreateSIPInboundTrunkRequest(trunk=api.SIPInboundTrunkInfo(
        name="smoke", numbers=[number], allowed_addresses=["192.0.2.0/24"],
        headers_to_attributes={"X-Tenant": "tenant"}))
    trunk = await lk.sip.create_inbound_trunk(request)
    expect(trunk.sip_trunk_id.startswith("ST_"), f"trunk id {trunk.sip_trunk_id}")
    await refused(lk.sip.create_inbound_trunk(request), "invalid_argument", 400)
    await refused(
        lk.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(
            trunk=api.SIPInboundTrunkInfo(name="open"))), "invalid_argument", 400)
    listed = await lk.sip.list_inbound_trunk(
        api.ListSIPInboundTrunkRequest(trunk_ids=[trunk.sip_trunk_id]))
    expect([one.name for one in listed.items] == ["smoke"], "inbound trunk is listed")
    named = await lk.sip.update_inbound_trunk_fields(trunk.sip_trunk_id, name="renamed")
    expect((named.name, list(named.numbers)) == ("renamed", [number]), "partial update")
    replaced = await lk.sip.update_inbound_trunk(
        trunk.sip_trunk_id, api.SIPInboundTrunkInfo(name="whole", numbers=[number]))
    expect(len(replaced.allowed_addresses) == 0, "replace resets what it does not name")
    return trunk.sip_trunk_id


async def outbound_trunks(lk, number):
    trunk = await lk.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
        trunk=api.SIPOutboundTrunkInfo(
            name="out", address="sip.example.com", numbers=[number],
            auth_username="u", auth_password="p")))
    listed = await lk.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    expect(trunk.sip_trunk_id in [one.sip_trunk_id for one in listed.items], "outbound is listed")
    await refused(
        lk.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(address="sip:example.com", numbers=[number]))),
        "invalid_argument", 400)
    return trunk.sip_trunk_id


async def rules(lk, trunk, room):
    def rule(**more):
        direct = api.SIPDispatchRuleDirect(room_name=room)
        return api.CreateSIPDispatchRuleRequest(dispatch_rule=api.SIPDispatchRuleInfo(
            rule=api.SIPDispatchRule(dispatch_rule_direct=direct), trunk_ids=[trunk], **more))
    config = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="agent")])
    made = await lk.sip.create_dispatch_rule(
        rule(name="smoke", attributes={"a": "1"}, room_config=config))
    expect(made.sip_dispatch_rule_id.startswith("SDR_"), f"rule id {made.sip_dispatch_rule_id}")
    expect(made.room_config.agents[0].agent_name == "agent", "room configuration is kept")
    await refused(lk.sip.create_dispatch_rule(rule(name="twin")), "invalid_argument", 400)
    listed = await lk.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest(trunk_ids=[trunk]))
    ids = [one.sip_dispatch_rule_id for one in listed.items]
    expect(made.sip_dispatch_rule_id in ids, "rule is listed")
    renamed = await lk.sip.update_dispatch_rule_fields(made.sip_dispatch_rule_id, name="renamed")
    expect(renamed.name == "renamed" and renamed.attributes["a"] == "1", "partial update")
    await lk.sip.delete_dispatch_rule(
        api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=made.sip_dispatch_rule_id))
    await refused(
        lk.sip.delete_dispatch_rule(
            api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=made.sip_dispatch_rule_id)),
        "not_found", 404)


async def telephony(lk, name):
    number = f"+1555{uuid.uuid4().int % 10**7:07}"
    inbound = await inbound_trunks(lk, number)
    outbound = await outbound_trunks(lk, number)
    try:
        await rules(lk, inbound, name)
    finally:
        for trunk in (inbound, outbound):
            await lk.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=trunk))
    left = await lk.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    expect(inbound not in [one.sip_trunk_id for one in left.items], "trunk is deleted")


async def tokens(args, name):
    """Bad tokens, over the plain HTTP that clients see."""
    def token(secret=args.api_secret, key=args.api_key, **grants):
        made = api.AccessToken(key, secret).with_identity("smoke")
        return made.with_grants(api.VideoGrants(**grants)).with_ttl(datetime.timedelta(minutes=5))
    join = dict(room_join=True, room=name)
    cases = [
        (token(**join).to_jwt(), 200, "success"),
        (token(secret="x" * 32, **join).to_jwt(), 401, "invalid authorization token: "),
        (token(key="unknown", **join).to_jwt(), 401, "invalid API key"),
        (token(room_admin=True, room=name).to_jwt(), 401, "permissions denied"),
        ("nonsense", 401, "invalid authorization token"),
    ]
    async with aiohttp.ClientSession() as http:
        for jwt, status, text in cases:
            headers = {"Authorization": f"Bearer {jwt}"}
            async with http.get(f"{args.url}/rtc/validate", headers=headers) as response:
                told = (response.status, await response.text())
                expect(told[0] == status and told[1].startswith(text), f"{text}: {told}")


async def grants(args, name):
    """A token without the grant is refused as LiveKit refuses it."""
    token = api.AccessToken(args.api_key, args.api_secret).with_identity("smoke")
    token = token.with_grants(api.VideoGrants(room_join=True, room=name)).to_jwt()
    async with api.LiveKitAPI(args.url, token=token) as weak:
        calls = [
            weak.room.list_rooms(api.ListRoomsRequest()),
            weak.room.create_room(api.CreateRoomRequest(name=name)),
            weak.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest()),
        ]
        for call in calls:
            error = await refused(call, "unauthenticated", 401)
            expect(error.message == "permissions denied", error.message)


async def events_of(inbox, name, wanted):
    """The events of one room, in order, each verified by the inbox."""
    for event in wanted:
        while True:
            try:
                got = await asyncio.wait_for(inbox.events.get(), 20)
            except asyncio.TimeoutError:
                raise Late(event) from None
            if got.room.name == name:
                break
        expect(got.event == event, f"expected {event}, got {got.event}")
        expect(got.id.startswith("EV_") and got.created_at > 0, "event id and time")


async def run(args):
    name = f"smoke-{uuid.uuid4().hex[:8]}"
    inbox = Inbox(args.api_key, args.api_secret, refuse_first=1) if args.webhooks else None
    if inbox:
        await inbox.open(args.webhooks)
    try:
        async with api.LiveKitAPI(args.url, args.api_key, args.api_secret) as lk:
            await rooms(lk, name)
            await dispatches(lk, name)
            await telephony(lk, name)
            await tokens(args, name)
            await grants(args, name)
            await lk.room.delete_room(api.DeleteRoomRequest(room=name))
        if inbox:
            await events_of(inbox, name, ["room_started", "room_finished"])
            return FORGED if inbox.forged else GOOD
        return GOOD
    finally:
        if inbox:
            await inbox.close()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7880")
    parser.add_argument("--api-key", default="devkey")
    parser.add_argument("--api-secret", default="secret")
    parser.add_argument("--webhooks", type=int, metavar="PORT",
                        help="receive the events of the room on this port of loopback")
    return parser.parse_args()


def main():
    try:
        end = asyncio.run(run(arguments()))
    except Different as difference:
        print(f"different: {difference}", file=sys.stderr)
        return DIFFERENT
    except Late as event:
        print(f"did not come in time: {event}", file=sys.stderr)
        return LATE
    except aiohttp.ClientError as error:
        print(f"no connection: {error}", file=sys.stderr)
        return UNREACHABLE
    print("ok")
    return end


if __name__ == "__main__":
    sys.exit(main())
