#!/usr/bin/env python3
"""Joins a room with the official LiveKit Python SDK and answers calls of its methods.

`double` answers its payload twice, `refuse` fails with code 7. Leaves after --calls calls and prints
one JSON document with their payloads. Exit codes: 0 called, 3 no connection, 4 not called in time.
"""

import argparse
import asyncio

from livekit import rtc

import common


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    common.add_connection_arguments(parser)
    parser.add_argument("--identity", default="sdk-callee")
    parser.add_argument("--calls", type=int, default=2, help="calls to answer before leaving")
    return parser.parse_args()


async def answer(args):
    room = rtc.Room()
    payloads = []
    done = asyncio.Event()

    def count(call):
        payloads.append(call.payload)
        if len(payloads) >= args.calls:
            done.set()

    try:
        joining = room.connect(args.url, common.token(args, args.identity))
        await asyncio.wait_for(joining, args.timeout)
    except (rtc.ConnectError, asyncio.TimeoutError) as error:
        common.fail(common.NO_CONNECTION, f"no connection: {error!r}")

    @room.local_participant.register_rpc_method("double")
    async def double(call):
        count(call)
        return call.payload * 2

    @room.local_participant.register_rpc_method("refuse")
    async def refuse(call):
        count(call)
        raise rtc.RpcError(7, "not today", "")

    try:
        await asyncio.wait_for(done.wait(), args.timeout)
    except asyncio.TimeoutError:
        common.fail(common.NO_PARTNER, f"not called in time; so far {payloads}")
    # The last answer is on its way.
    await asyncio.sleep(1)
    await room.disconnect()
    common.report(payloads=payloads)


if __name__ == "__main__":
    asyncio.run(answer(arguments()))
    common.end()
