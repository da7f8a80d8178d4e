#!/usr/bin/env python3
"""Walks the official LiveKit Python SDK through a room: audio both ways, data, streams, RPC,
attributes, muting, subscribing by hand, resuming, reconnecting and the server API.

Each scenario runs with one peer connection and with two. Prints one line per scenario and one
JSON document at the end. Exit codes: 0 all good, 1 some failed.
"""

import argparse
import array
import asyncio
import sys
import time
import traceback
import uuid

from livekit import api, rtc
from livekit.rtc import SimulateScenarioKind as Simulate

import common

RATE = 48000
PITCHES = {"ann": 440.0, "bob": 880.0, "eve": 660.0}


class Person:
    """A participant that notes every event and can play a tone for as long as it is here."""

    def __init__(self, world, identity, **options):
        self.world, self.identity = world, identity
        self.options = rtc.RoomOptions(single_peer_connection=world.single, **options)
        self.room = rtc.Room()
        self.events = []
        self.tracks = {}
        self.news = asyncio.Event()
        self.playing = None
        for name in EVENTS:
            self.room.on(name, lambda *args, name=name: self.note(name, args))

    def note(self, name, args):
        self.events.append((name, args))
        if name == "track_subscribed":
            self.tracks[args[2].identity] = args[0]
        self.news.set()

    async def join(self, **grants):
        grant = api.VideoGrants(
            room_join=True, room=self.world.name, can_update_own_metadata=True, **grants
        )
        made = api.AccessToken(self.world.args.api_key, self.world.args.api_secret)
        token = made.with_identity(self.identity).with_grants(grant).to_jwt()
        await within(self.room.connect(self.world.args.url, token, self.options))
        self.world.people.append(self)
        return self

    async def until(self, what, test, limit=10.0):
        """Waits until `test()` is true; looks again at each event and every 50 ms."""
        deadline = time.monotonic() + limit
        while not test():
            if time.monotonic() > deadline:
                seen = [name for name, _ in self.events]
                raise AssertionError(f"{self.identity}: {what} did not happen; seen {seen}")
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), 0.05)
            except asyncio.TimeoutError:
                pass

    async def saw(self, name, limit=10.0):
        found = []

        def look():
            found[:] = [args for event, args in self.events if event == name]
            return bool(found)

        await self.until(name, look, limit)
        return found[-1]

    async def speak(self):
        self.source = rtc.AudioSource(RATE, 1)
        self.track = rtc.LocalAudioTrack.create_audio_track("voice", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self.publication = await within(
            self.room.local_participant.publish_track(self.track, options)
        )
        self.playing = asyncio.create_task(self.play())

    async def play(self):
        tone = common.tone(PITCHES.get(self.identity, 550.0), 1.0, RATE)
        size = RATE // 50
        while True:
            for at in range(0, RATE, size):
                part = tone[at : at + size]
                await self.source.capture_frame(rtc.AudioFrame(part.tobytes(), RATE, 1, size))

    async def hears(self, identity, seconds=1.0, limit=10.0):
        """Level and pitch of what comes from `identity` now."""
        await self.until(f"a track of {identity}", lambda: identity in self.tracks, limit)
        samples = array.array("h")
        stream = rtc.AudioStream(self.tracks[identity], sample_rate=RATE, num_channels=1)

        async def collect():
            async for event in stream:
                samples.extend(event.frame.data)
                if len(samples) >= seconds * RATE:
                    return

        await asyncio.wait_for(collect(), limit)
        await stream.aclose()
        return common.loudest(samples, RATE), common.frequency(samples, RATE)

    async def must_hear(self, identity, limit=20.0):
        """Waits until the tone of `identity` is heard, on whatever track it has by then."""
        deadline = time.monotonic() + limit
        while True:
            take_tracks(self, identity)
            try:
                level, pitch = await self.hears(identity, limit=4.0)
            except asyncio.TimeoutError:
                level, pitch = -127.0, 0.0
            wanted = PITCHES[identity]
            if level > -25.0 and abs(pitch - wanted) < wanted * 0.05:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.identity} hears {level:.1f} dBov at {pitch:.0f} Hz")

    async def leave(self):
        if self.playing:
            self.playing.cancel()
        await self.room.disconnect()


EVENTS = """active_speakers_changed connection_quality_changed data_received disconnected
local_track_subscribed local_track_unpublished participant_attributes_changed
participant_connected participant_disconnected participant_metadata_changed
participant_name_changed participant_permissions_changed reconnected reconnecting
room_metadata_changed sip_dtmf_received token_refreshed track_muted track_published
track_subscribed track_unmuted track_unpublished track_unsubscribed""".split()


class World:
    """A fresh room for one scenario."""

    def __init__(self, args, single):
        self.args, self.single = args, single
        self.name = "conforms-" + uuid.uuid4().hex[:8]
        self.people = []
        http = args.url.replace("ws://", "http://").replace("wss://", "https://")
        self.api = api.LiveKitAPI(http, args.api_key, args.api_secret)

    async def close(self):
        for person in self.people:
            try:
                await asyncio.wait_for(person.leave(), 5.0)
            except (asyncio.TimeoutError, rtc.ConnectError):
                pass
        await self.api.aclose()


async def within(waiting, limit=15.0):
    return await asyncio.wait_for(waiting, limit)


async def audio_both_ways(world):
    """Two people hear each other; a third who comes later hears both."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await ann.speak()
    await bob.speak()
    await ann.must_hear("bob")
    await bob.must_hear("ann")
    await within(ann.publication.wait_for_subscription())
    eve = await Person(world, "eve").join()
    await eve.must_hear("ann")
    await eve.must_hear("bob")
    await eve.saw("active_speakers_changed")


async def data_and_streams(world):
    """Packets reach those addressed, text streams arrive whole, RPC is answered."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    eve = await Person(world, "eve").join()
    await ann.until("both others", lambda: len(ann.room.remote_participants) == 2)
    me = ann.room.local_participant
    await within(me.publish_data("for bob", topic="t", destination_identities=["bob"]))
    (packet,) = await bob.saw("data_received")
    assert (packet.data, packet.topic) == (b"for bob", "t"), packet
    assert packet.participant.identity == "ann"
    await within(me.publish_data("for all", reliable=False))
    (packet,) = await eve.saw("data_received")
    assert packet.data == b"for all", packet
    await within(me.publish_dtmf(code=5, digit="5"))
    (tone,) = await bob.saw("sip_dtmf_received")
    assert tone.digit == "5", tone

    texts = []

    async def read(reader, sender):
        texts.append((await reader.read_all(), sender))
        bob.news.set()

    bob.room.register_text_stream_handler(
        "chat", lambda reader, sender: asyncio.ensure_future(read(reader, sender))
    )
    long = "many words " * 4000
    await within(me.send_text(long, topic="chat"))
    await bob.until("the text", lambda: bool(texts))
    assert texts[0] == (long, "ann"), "the text differs"

    @bob.room.local_participant.register_rpc_method("double")
    async def double(call):
        return call.payload * 2

    answer = await within(
        me.perform_rpc(destination_identity="bob", method="double", payload="ab")
    )
    assert answer == "abab", answer


async def names_and_attributes(world):
    """What a participant says of itself reaches the others."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await within(bob.room.local_participant.set_attributes({"lk.agent.state": "listening"}))
    await within(bob.room.local_participant.set_name("Bob"))
    await within(bob.room.local_participant.set_metadata("m"))
    await ann.saw("participant_metadata_changed")
    seen = ann.room.remote_participants["bob"]
    assert (seen.name, seen.metadata) == ("Bob", "m"), seen
    assert seen.attributes == {"lk.agent.state": "listening"}, seen.attributes
    await bob.saw("token_refreshed")


async def muting_and_unpublishing(world):
    """A mute is announced and silent, an unmute is heard, an unpublished track goes away."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await ann.speak()
    await bob.must_hear("ann")
    ann.track.mute()
    await bob.saw("track_muted")
    await asyncio.sleep(0.5)
    level, _ = await bob.hears("ann")
    assert level < -60.0, f"{level} dBov while muted"
    ann.track.unmute()
    await bob.saw("track_unmuted")
    await bob.must_hear("ann")
    await within(ann.room.local_participant.unpublish_track(ann.publication.sid))
    await bob.saw("track_unpublished")


async def subscribing_by_hand(world):
    """Without auto-subscribe nothing is heard until asked for."""
    ann = await Person(world, "ann").join()
    await ann.speak()
    bob = await Person(world, "bob", auto_subscribe=False).join()
    await bob.until("the publication", lambda: publications(bob, "ann"))
    await asyncio.sleep(0.5)
    assert "ann" not in bob.tracks
    publications(bob, "ann")[0].set_subscribed(True)
    await bob.must_hear("ann")
    # Asked for again within a moment, giving up and asking are one change to the connection; a second
    # later they are two. Not at once: the SDK sends each wish from a task of its own, and now and then
    # the later one first.
    for pause in [0.05, 1.0, 1.0]:
        bob.events.clear()
        publications(bob, "ann")[0].set_subscribed(False)
        await bob.saw("track_unsubscribed")
        bob.tracks.clear()
        await asyncio.sleep(pause)
        publications(bob, "ann")[0].set_subscribed(True)
        await bob.must_hear("ann")


async def resuming(world):
    """After a lost socket the same session goes on, and so does the sound."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await ann.speak()
    await bob.speak()
    await bob.must_hear("ann")
    await ann.must_hear("bob")
    sid = bob.room.local_participant.sid
    await within(bob.room.simulate_scenario(Simulate.SIMULATE_SIGNAL_RECONNECT), 30.0)
    await bob.saw("reconnected", 20.0)
    assert bob.room.local_participant.sid == sid, "another session"
    await bob.must_hear("ann")
    await ann.must_hear("bob")
    await within(bob.room.local_participant.set_name("after"))
    await ann.saw("participant_name_changed")


async def reconnecting(world):
    """After the server forgot a session the client comes back as new, and so does the sound."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await ann.speak()
    await bob.speak()
    await ann.must_hear("bob")
    await within(bob.room.simulate_scenario(Simulate.SIMULATE_FULL_RECONNECT), 30.0)
    await bob.saw("reconnected", 30.0)
    await bob.must_hear("ann")
    await ann.must_hear("bob")


async def coming_twice(world):
    """A second session of an identity ends the first."""
    ann = await Person(world, "ann").join()
    first = await Person(world, "bob").join()
    second = await Person(world, "bob").join()
    (reason,) = await first.saw("disconnected")
    assert reason == rtc.DisconnectReason.DUPLICATE_IDENTITY, reason
    await asyncio.sleep(0.3)
    assert second.room.isconnected()
    assert ann.room.remote_participants["bob"].sid == second.room.local_participant.sid


async def leaving(world):
    """A leave is seen at once, with its reason."""
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await ann.until("bob", lambda: "bob" in ann.room.remote_participants)
    started = time.monotonic()
    await bob.leave()
    (gone,) = await ann.saw("participant_disconnected", 3.0)
    assert gone.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED, gone.disconnect_reason
    assert time.monotonic() - started < 2.0


async def server_api(world):
    """The API sees, mutes, renames, restricts and removes people, sends data and deletes rooms."""
    service = world.api.room
    ann = await Person(world, "ann").join()
    bob = await Person(world, "bob").join()
    await ann.speak()
    await bob.must_hear("ann")
    listed = await service.list_participants(api.ListParticipantsRequest(room=world.name))
    assert sorted(p.identity for p in listed.participants) == ["ann", "bob"], listed
    track = ann.publication.sid
    mute = api.MuteRoomTrackRequest(
        room=world.name, identity="ann", track_sid=track, muted=True
    )
    muted = await service.mute_published_track(mute)
    assert muted.track.muted
    await bob.saw("track_muted")
    update = api.UpdateParticipantRequest(room=world.name, identity="bob", name="Robert")
    await service.update_participant(update)
    await ann.saw("participant_name_changed")
    send = api.SendDataRequest(room=world.name, data=b"from the server", kind=0, topic="api")
    await service.send_data(send)
    (packet,) = await ann.saw("data_received")
    assert packet.data == b"from the server" and packet.participant is None, packet
    metadata = api.UpdateRoomMetadataRequest(room=world.name, metadata="room")
    await service.update_room_metadata(metadata)
    await ann.saw("room_metadata_changed")
    silent = api.ParticipantPermission(can_subscribe=True, can_publish=False)
    restrict = api.UpdateParticipantRequest(
        room=world.name, identity="ann", permission=silent
    )
    await service.update_participant(restrict)
    await bob.saw("track_unpublished")
    await ann.saw("participant_permissions_changed")
    who = api.RoomParticipantIdentity(room=world.name, identity="bob")
    await service.remove_participant(who)
    (reason,) = await bob.saw("disconnected")
    assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED, reason
    await service.delete_room(api.DeleteRoomRequest(room=world.name))
    (reason,) = await ann.saw("disconnected")
    assert reason == rtc.DisconnectReason.ROOM_DELETED, reason
    rooms = await service.list_rooms(api.ListRoomsRequest(names=[world.name]))
    assert not rooms.rooms, rooms


SCENARIOS = [
    audio_both_ways,
    data_and_streams,
    names_and_attributes,
    muting_and_unpublishing,
    subscribing_by_hand,
    resuming,
    reconnecting,
    coming_twice,
    leaving,
    server_api,
]


def publications(person, identity):
    other = person.room.remote_participants.get(identity)
    return list(other.track_publications.values()) if other else []


def take_tracks(person, identity):
    """Picks up the track as it is now: a reconnect replaces it."""
    for publication in publications(person, identity):
        if publication.track is not None:
            person.tracks[identity] = publication.track


async def run(args):
    results = {}
    topologies = {"single": [True], "dual": [False], "both": [True, False]}[args.topology]
    for single in topologies:
        for scenario in SCENARIOS:
            if args.only and scenario.__name__ not in args.only:
                continue
            name = f"{scenario.__name__}/{'single' if single else 'dual'}"
            world = World(args, single)
            started = time.monotonic()
            try:
                await asyncio.wait_for(scenario(world), 90.0)
                outcome = "ok"
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
                if args.verbose:
                    traceback.print_exc()
            finally:
                await world.close()
            took = time.monotonic() - started
            print(f"{'ok  ' if outcome == 'ok' else 'FAIL'} {name} {took:.1f}s", file=sys.stderr)
            if outcome != "ok":
                print(f"     {outcome}", file=sys.stderr)
            results[name] = outcome
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="ws://127.0.0.1:7880")
    parser.add_argument("--api-key", default="devkey")
    parser.add_argument("--api-secret", default="secret")
    parser.add_argument("--topology", choices=["single", "dual", "both"], default="both")
    parser.add_argument("--only", nargs="*", help="names of scenarios")
    parser.add_argument("--verbose", action="store_true")
    results = asyncio.run(run(parser.parse_args()))
    failed = sorted(name for name, outcome in results.items() if outcome != "ok")
    common.report(scenarios=len(results), failed=failed)
    common.end(1 if failed else common.OK)


if __name__ == "__main__":
    main()
