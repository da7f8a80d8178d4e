"""What readers that have stopped cost a server's memory.

One participant may change its metadata and does, 300 times half a megabyte; ten others joined and
never read. Prints how many changes the server took, and its resident memory before, at most, and
after, in MB.

    python3 benches/readers.py HOST:PORT KEY SECRET PID
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import threading
import time

ADDRESS, KEY, SECRET, PID = sys.argv[1:5]
UPDATES, BYTES, SILENT = 300, 500_000, 10


def token(identity):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    now = int(time.time())
    # Who may not subscribe is made no offer, and need not answer any.
    video = {"roomJoin": True, "room": "readers", "canSubscribe": False}
    video["canUpdateOwnMetadata"] = True
    claims = {"iss": KEY, "sub": identity, "nbf": now - 5, "exp": now + 600, "video": video}
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    head = b".".join(part(json.dumps(value).encode()) for value in parts)
    mark = hmac.new(SECRET.encode(), head, hashlib.sha256).digest()
    return (head + b"." + part(mark)).decode()


def join(identity):
    host, port = ADDRESS.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)))
    nonce = base64.b64encode(os.urandom(16)).decode()
    path = f"/rtc?protocol=16&sdk=python&auto_subscribe=1&access_token={token(identity)}"
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {ADDRESS}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {nonce}",
    ]
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1)
    assert b" 101 " in answer.split(b"\r\n", 1)[0], answer
    return sock


def say(sock, message):
    payload = json.dumps(message).encode()
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x81, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x81, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, 0x80 | 127, size)
    # A mask of zeros leaves the payload as it is.
    sock.sendall(head + bytes(4) + payload)


def resident():
    with open(f"/proc/{PID}/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6


def drain(sock):
    try:
        while sock.recv(1 << 16):
            pass
    except OSError:
        pass


def main():
    silent = [join(f"silent {n}") for n in range(SILENT)]
    loud = join("loud")
    threading.Thread(target=drain, args=(loud,), daemon=True).start()
    time.sleep(1)
    before = most = resident()
    sent = 0
    try:
        for n in range(UPDATES):
            say(loud, {"updateMetadata": {"metadata": f"{n:0{BYTES}d}"}})
            sent += 1
            most = max(most, resident())
    except OSError:
        # A server that paces its clients does not wait for ever for their media.
        pass
    for _ in range(50):
        time.sleep(0.1)
        most = max(most, resident())
    print(json.dumps({"sent": sent, "before": before, "most": most, "after": resident()}))
    for sock in [loud, *silent]:
        sock.close()


main()
