"""A tool server on the official Python SDK: over stdio, or streamable HTTP with --port."""

import argparse
import os
import subprocess
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

server = MCPServer("parcels", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def find_parcel(number: str) -> dict[str, str]:
    """Says where a parcel is."""
    return {"number": number, "status": "is in the van"}


@server.tool()
def environment(name: str) -> str:
    """Reads a variable."""
    return os.environ.get(name, "(unset)")


@server.tool()
def processes() -> list[int]:
    """Starts a process of its own; both ids."""
    child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return [os.getpid(), child.pid]


@server.tool()
def long() -> str:
    """Says far too much."""
    return "word " * 200_000


@server.tool()
def lost() -> str:
    """Fails."""
    raise ToolError("the van is lost")


@server.tool()
async def slow() -> str:
    """Takes for ever."""
    import anyio

    await anyio.sleep(600)
    return "at last"


@server.tool()
def crash() -> str:
    """Ends the server in the middle of a call."""
    os._exit(1)


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--fail", action="store_true")
options = parser.parse_args()
if options.fail:
    sys.exit("no such database")
if options.port:
    server.run("streamable-http", port=options.port)
else:
    server.run("stdio")
