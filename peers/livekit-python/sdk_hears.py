#!/usr/bin/env python3
"""Joins a room with the official LiveKit Python SDK, hears one remote audio track and measures it.

Prints one JSON document: who was heard, seconds, level in dBov, pitch, packets of text if any.
Exit codes: 0 heard, 3 no connection, 4 no track in time, 5 too quiet or another pitch.
"""

import argparse
import array
import asyncio
import time

from livekit import rtc

import common

RATE = 48000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    common.add_connection_arguments(parser)
    parser.add_argument("--identity", default="sdk-ear")
    parser.add_argument("--from", dest="source", help="identity to listen to; default: anybody")
    parser.add_argument("--agent", action="store_true", help="listen to an agent only")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to listen")
    parser.add_argument("--min-level", type=float, default=-40.0, help="dBov of the loudest 100 ms")
    parser.add_argument("--pitch", type=float, help="expected pitch in Hz, within 5 %%")
    parser.add_argument("--out", help="WAV file to write")
    return parser.parse_args()


async def hear(args):
    room = rtc.Room()
    found = asyncio.get_running_loop().create_future()

    @room.on("track_subscribed")
    def on_track(track, publication, participant):
        wanted = args.source is None or participant.identity == args.source
        if args.agent and participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            return
        if track.kind == rtc.TrackKind.KIND_AUDIO and wanted and not found.done():
            found.set_result((track, publication, participant))

    started = time.monotonic()
    try:
        joining = room.connect(args.url, common.token(args, args.identity))
        await asyncio.wait_for(joining, args.timeout)
    except (rtc.ConnectError, asyncio.TimeoutError) as error:
        common.fail(common.NO_CONNECTION, f"no connection: {error!r}")
    connected = time.monotonic() - started
    try:
        track, publication, participant = await asyncio.wait_for(found, args.timeout)
    except asyncio.TimeoutError:
        others = [p.identity for p in room.remote_participants.values()]
        common.fail(common.NO_PARTNER, f"no audio track in time; here are {others}")
    samples = await record(track, args.seconds, args.timeout)
    facts = {
        "heard": participant.identity,
        "track": publication.sid,
        "connect_seconds": round(connected, 3),
        "seconds": round(len(samples) / RATE, 3),
        "level_dbov": round(common.loudest(samples, RATE), 1),
        "pitch_hz": round(common.frequency(samples, RATE), 1),
    }
    await room.disconnect()
    return samples, facts


async def record(track, seconds, timeout):
    """Collects `seconds` of audio; the SDK fills gaps with silence."""
    samples = array.array("h")
    stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)

    async def collect():
        async for event in stream:
            samples.extend(event.frame.data)
            if len(samples) >= seconds * RATE:
                return

    try:
        await asyncio.wait_for(collect(), timeout + seconds)
    except asyncio.TimeoutError:
        pass
    await stream.aclose()
    return samples


def main():
    args = arguments()
    samples, facts = asyncio.run(hear(args))
    if args.out:
        common.write_wav(args.out, samples, RATE)
    common.report(**facts)
    if facts["level_dbov"] < args.min_level:
        common.fail(common.TOO_QUIET, f"too quiet: {facts['level_dbov']} dBov")
    if args.pitch and abs(facts["pitch_hz"] - args.pitch) > args.pitch * 0.05:
        common.fail(common.TOO_QUIET, f"another pitch: {facts['pitch_hz']} Hz")
    common.end()


if __name__ == "__main__":
    main()
