"""Mint and verify with the official Python SDK; prints microseconds as JSON."""

import datetime
import json
import statistics
import sys
import time
from importlib.metadata import version

from livekit import api

KEY, SECRET = sys.argv[1], sys.argv[2]
ROUNDS, EACH = 11, 1000


def mint():
    return (
        api.AccessToken(KEY, SECRET)
        .with_identity("caller-4711")
        .with_name("A caller")
        .with_metadata('{"from":"desk"}')
        .with_attributes({"lang": "en"})
        .with_ttl(datetime.timedelta(seconds=600))
        .with_grants(
            api.VideoGrants(room_join=True, room="lobby", can_publish=True, can_subscribe=True)
        )
        .to_jwt()
    )


def measured(step):
    step()
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(EACH):
            step()
        took.append((time.perf_counter() - start) / EACH * 1e6)
    return statistics.median(took)


token = mint()
verifier = api.TokenVerifier(KEY, SECRET)
assert verifier.verify(token).video.room == "lobby"
print(
    json.dumps(
        {
            "version": version("livekit-api"),
            "mint_us": measured(mint),
            "verify_us": measured(lambda: verifier.verify(token)),
        }
    )
)
