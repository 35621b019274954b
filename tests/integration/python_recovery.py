"""The Socket.IO client of Debian's python3-socketio, told what to do by python_recovery.test.mjs.

Usage: python_recovery.py URL TOKEN SESSION MODE, MODE one of:
  one-argument   a handler of one argument, with recovery=0
  two-arguments  a handler that takes what comes, with recovery on
Prints one line of JSON for each message, and ends when the client is told to by the update `stop`.
"""

import asyncio
import json
import sys

import socketio


async def main(url, token, session, mode):
    client = socketio.AsyncClient()
    stopped = asyncio.Event()

    def hear(message, *offset):
        envelope = json.loads(message)
        print(json.dumps({"action": envelope.get("action"), "kind": envelope.get("kind"),
                          "requestId": envelope["requestId"], "data": envelope.get("data"),
                          "offset": list(offset)}), flush=True)
        if envelope.get("action") == "stop":
            stopped.set()

    if mode == "one-argument":
        @client.on("message")
        async def on_message(message):
            hear(message)
    else:
        @client.on("message")
        async def on_messages(*args):
            hear(*args)

    query = f"?sessionId={session}" + ("&recovery=0" if mode == "one-argument" else "")
    await client.connect(url + query, socketio_path="realtime", auth={"token": token})
    request = {"type": "REQUEST", "requestId": "r1", "action": "echo", "data": {"n": 1}}
    await client.emit("message", json.dumps(request))
    await asyncio.wait_for(stopped.wait(), 20)
    await client.disconnect()


asyncio.run(main(*sys.argv[1:]))
