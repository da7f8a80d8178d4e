"""Receives webhooks, verifies each with the official SDK and writes events as JSON lines."""

import argparse
import asyncio
import json
import sys

from aiohttp import web
from google.protobuf.json_format import MessageToDict
from livekit.api import TokenVerifier, WebhookReceiver

GOOD, LATE, FORGED = 0, 4, 5


class Inbox:
    """Takes deliveries on loopback; refuses those whose signature does not fit."""

    def __init__(self, key, secret, refuse_first=0):
        self.receiver = WebhookReceiver(TokenVerifier(key, secret))
        self.refuse = refuse_first
        self.forged = 0
        self.events = asyncio.Queue()
        self.runner = None

    async def take(self, request):
        body = (await request.read()).decode()
        if self.refuse > 0:
            self.refuse -= 1
            return web.Response(status=503)
        try:
            assert request.content_type == "application/webhook+json", request.content_type
            event = self.receiver.receive(body, request.headers["Authorization"])
        except Exception as error:
            self.forged += 1
            print(f"refused: {error}", file=sys.stderr)
            return web.Response(status=401)
        await self.events.put(event)
        return web.Response(status=200)

    async def open(self, port):
        app = web.Application(client_max_size=10 << 20)
        app.router.add_post("/{path:.*}", self.take)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", port)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    async def close(self):
        await self.runner.cleanup()


async def write_events(inbox, out, until, limit):
    """Writes events until one of that name came; exits late when none came in time."""
    deadline = asyncio.get_running_loop().time() + limit
    while True:
        left = deadline - asyncio.get_running_loop().time()
        try:
            event = await asyncio.wait_for(inbox.events.get(), max(left, 0.001))
        except asyncio.TimeoutError:
            return GOOD if until is None else LATE
        out.write(json.dumps(MessageToDict(event)) + "\n")
        out.flush()
        if event.event == until:
            return GOOD


async def main(args):
    inbox = Inbox(args.api_key, args.api_secret, args.refuse_first)
    port = await inbox.open(args.port)
    print(f"listening on http://127.0.0.1:{port}/", file=sys.stderr, flush=True)
    out = open(args.out, "w", encoding="utf-8") if args.out else sys.stdout
    end = await write_events(inbox, out, args.until, args.seconds)
    await inbox.close()
    return FORGED if inbox.forged else end


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any and prints it")
    parser.add_argument("--api-key", default="devkey")
    parser.add_argument("--api-secret", default="secret")
    parser.add_argument("--out", help="file of JSON lines; standard output when absent")
    parser.add_argument("--until", help="end well when this event came")
    parser.add_argument("--seconds", type=float, default=60, help="how long to listen")
    parser.add_argument("--refuse-first", type=int, default=0, help="answer 503 this often first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
