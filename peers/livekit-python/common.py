"""What the scripts share: exit codes, tokens, WAV files and levels."""

import array
import json
import math
import os
import sys
import wave

OK = 0
USAGE = 2
NO_CONNECTION = 3
NO_PARTNER = 4
TOO_QUIET = 5
BAD_FILE = 6

FULL_SCALE = 32768.0


def add_connection_arguments(parser):
    """The arguments by which a script finds its room."""
    parser.add_argument("--url", default="ws://127.0.0.1:7880", help="server, ws:// or wss://")
    parser.add_argument("--token", help="access token; else one is made from key and secret")
    parser.add_argument("--api-key", default="devkey")
    parser.add_argument("--api-secret", default="secret")
    parser.add_argument("--room", default="peers")
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds for each wait")


def token(args, identity):
    """The token given, or one for `identity` in the room."""
    if args.token:
        return args.token
    from livekit import api

    grants = api.VideoGrants(room_join=True, room=args.room)
    made = api.AccessToken(args.api_key, args.api_secret)
    return made.with_identity(identity).with_grants(grants).to_jwt()


def dbov(samples):
    """Root mean square in dB below overload; -127 for silence."""
    if not samples:
        return -127.0
    mean = sum(s * s for s in samples) / len(samples)
    return max(-127.0, 10.0 * math.log10(mean / FULL_SCALE**2)) if mean > 0 else -127.0


def loudest(samples, rate, window=0.1):
    """Level of the loudest window."""
    size = max(1, int(rate * window))
    starts = range(0, max(1, len(samples) - size + 1), size)
    return max(dbov(samples[at : at + size]) for at in starts)


def frequency(samples, rate):
    """Zero crossings of the loudest half second, in Hz: the pitch of a pure tone."""
    size = min(len(samples), rate // 2)
    if size < rate // 20:
        return 0.0
    starts = range(0, len(samples) - size + 1, max(1, size // 4))
    best = max(starts, key=lambda at: dbov(samples[at : at + size]))
    part = samples[best : best + size]
    crossings = sum(1 for a, b in zip(part, part[1:]) if (a < 0) != (b < 0))
    return crossings * rate / (2.0 * len(part))


def read_wav(path):
    """Mono 16-bit samples and their rate; channels are averaged."""
    try:
        with wave.open(path, "rb") as file:
            if file.getsampwidth() != 2:
                fail(BAD_FILE, f"{path}: 16-bit PCM is expected")
            samples = array.array("h", file.readframes(file.getnframes()))
            channels, rate = file.getnchannels(), file.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        fail(BAD_FILE, f"{path}: {error}")
    if channels > 1:
        frames = range(0, len(samples) - channels + 1, channels)
        samples = array.array("h", (sum(samples[at : at + channels]) // channels for at in frames))
    return samples, rate


def write_wav(path, samples, rate):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def tone(hertz, seconds, rate, level=-12.0):
    """A sine at `level` dBov."""
    peak = FULL_SCALE * math.sqrt(2.0) * 10.0 ** (level / 20.0)
    step = 2.0 * math.pi * hertz / rate
    return array.array("h", (int(peak * math.sin(step * n)) for n in range(int(seconds * rate))))


def report(**facts):
    """One JSON document on stdout."""
    print(json.dumps(facts), flush=True)


def fail(code, why):
    print(why, file=sys.stderr, flush=True)
    end(code)


def end(code=OK):
    """Leaves at once. The SDK's threads call into the interpreter until the last moment, and abort the
    process when they find it half taken down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
