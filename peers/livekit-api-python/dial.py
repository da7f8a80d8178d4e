"""Places a call through the official Python SDK and says what came of it, as one line of JSON."""

import argparse
import asyncio
import json
import sys

from livekit import api


async def run(args):
    keys = (args.api_key, args.api_secret)
    async with api.LiveKitAPI(args.server or args.url, *keys) as server:
        trunk = await server.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(
                name="phone", address=args.address, numbers=["+15550199"])))
    async with api.LiveKitAPI(args.url, *keys) as lk:
        request = api.CreateSIPParticipantRequest(
            sip_trunk_id=trunk.sip_trunk_id, sip_call_to=args.number, room_name=args.room,
            participant_identity=args.identity, participant_name="The callee",
            wait_until_answered=True)
        try:
            call = await lk.sip.create_sip_participant(request)
        except api.SipCallError as error:
            return {"code": error.code, "sip_status_code": error.sip_status_code,
                    "sip_status": error.sip_status}
        return {"call": call.sip_call_id, "identity": call.participant_identity,
                "room": call.room_name, "trunk": trunk.sip_trunk_id}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--server", help="where trunks are kept, if not there")
    parser.add_argument("--api-key", default="devkey")
    parser.add_argument("--api-secret", default="secret")
    parser.add_argument("--address", required=True, metavar="HOST:PORT", help="where the trunk is")
    parser.add_argument("--number", default="+15550100")
    parser.add_argument("--room", default="lobby")
    parser.add_argument("--identity", default="callee")
    return parser.parse_args()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(arguments()))))
    sys.exit(0)
