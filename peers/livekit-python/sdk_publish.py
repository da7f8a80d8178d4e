#!/usr/bin/env python3
"""Joins a room with the official LiveKit Python SDK and publishes a WAV file or a tone.

Prints one JSON document when done. Exit codes: 0 published (and subscribed to, with
--wait-subscriber), 3 no connection, 4 nobody subscribed in time, 6 the file cannot be read.
"""

import argparse
import array
import asyncio

from livekit import rtc

import common

FRAME_SECONDS = 0.02


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    common.add_connection_arguments(parser)
    parser.add_argument("--identity", default="sdk-voice")
    parser.add_argument("--wav", help="16-bit PCM WAV file to publish")
    parser.add_argument("--tone", type=float, default=440.0, help="Hz, when no file is given")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the tone")
    parser.add_argument("--repeat", type=int, default=1, help="times to play it")
    parser.add_argument("--wait-subscriber", action="store_true", help="play once somebody listens")
    parser.add_argument("--hold", type=float, default=0.5, help="seconds to stay afterwards")
    return parser.parse_args()


async def publish(args, samples, rate):
    room = rtc.Room()
    try:
        joining = room.connect(args.url, common.token(args, args.identity))
        await asyncio.wait_for(joining, args.timeout)
    except (rtc.ConnectError, asyncio.TimeoutError) as error:
        common.fail(common.NO_CONNECTION, f"no connection: {error!r}")
    source = rtc.AudioSource(rate, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await room.local_participant.publish_track(track, options)
    print(f"published {publication.sid}", flush=True)
    if args.wait_subscriber:
        try:
            await asyncio.wait_for(publication.wait_for_subscription(), args.timeout)
        except asyncio.TimeoutError:
            common.fail(common.NO_PARTNER, "nobody subscribed in time")
    for _ in range(args.repeat):
        await play(source, samples, rate)
    await source.wait_for_playout()
    await asyncio.sleep(args.hold)
    await room.disconnect()
    common.report(published=publication.sid, seconds=round(len(samples) / rate * args.repeat, 3))


async def play(source, samples, rate):
    size = int(rate * FRAME_SECONDS)
    for at in range(0, len(samples), size):
        part = samples[at : at + size]
        part.extend(array.array("h", bytes(2 * (size - len(part)))))
        await source.capture_frame(rtc.AudioFrame(part.tobytes(), rate, 1, size))


def main():
    args = arguments()
    if args.wav:
        samples, rate = common.read_wav(args.wav)
    else:
        rate = 48000
        samples = common.tone(args.tone, args.seconds, rate)
    asyncio.run(publish(args, samples, rate))
    common.end()


if __name__ == "__main__":
    main()
