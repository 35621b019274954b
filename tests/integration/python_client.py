"""python3-socketio as a client, for python.test.mjs.

Reads one line of JSON with what to do, writes one line of JSON with what came of it.
"""

import asyncio
import json
import sys

import socketio


def plain(value):
    """The value as JSON can say it: bytes as {"bytes": [...]}."""
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


class Inbox:
    """Calls of an event's handler, in order; each item is the list of its arguments."""

    def __init__(self):
        self.calls = asyncio.Queue()
        self.seen = []

    def one_argument(self):
        async def handler(message):
            await self.calls.put([message])

        return handler

    def any_arguments(self):
        async def handler(*arguments):
            await self.calls.put(list(arguments))

        return handler

    async def take(self):
        call = await asyncio.wait_for(self.calls.get(), 10)
        self.seen.append(call)
        return call


async def echo(client, task):
    """A dialogue with socketio_echo."""
    auth, back, custom = Inbox(), Inbox(), Inbox()
    client.on("auth", auth.one_argument())
    client.on("message-back", back.any_arguments())
    client.on("auth", custom.one_argument(), namespace="/custom")
    await connect(client, task, namespaces=["/", "/custom"])
    result = {"auth": await auth.take(), "custom": await custom.take(), "back": []}
    for data in [("a", 1), b"\x01\x02\xff", {"deep": [b"\x07", None]}, "ü😀"]:
        await client.emit("message", data)
        result["back"].append(await back.take())
    result["ack"] = await client.call("message-with-ack", ("x", b"\x09"), timeout=10)
    result["transport"] = client.transport()
    return result


async def gateway(client, task):
    """A dialogue with the gateway: envelopes come to one handler as JSON texts."""
    inbox = Inbox()
    handler = inbox.one_argument() if task["handler"] == "one" else inbox.any_arguments()
    client.on("message", handler)
    await connect(client, task)

    async def envelope(matches):
        while True:
            message = json.loads((await inbox.take())[0])
            if matches(message):
                return message

    result = {"connected": await envelope(lambda m: m.get("action") == "system.connected")}
    request = {"type": "REQUEST", "requestId": "r1", "action": "echo", "data": {"text": "ü😀"}}
    await client.emit("message", json.dumps(request))
    result["response"] = await envelope(lambda m: m["requestId"] == "r1")
    result["ack"] = await client.call("echo", {"n": 1}, timeout=10)
    print(json.dumps({"ready": True}), flush=True)
    result["update"] = await envelope(lambda m: m.get("action") == "news")
    result["transport"] = client.transport()
    result["arguments"] = [len(call) for call in inbox.seen]
    return result


async def connect(client, task, **more):
    await client.connect(
        task["url"], auth=task.get("auth"), socketio_path=task["path"], transports=task["transports"], **more
    )


async def main():
    task = json.loads(sys.stdin.readline())
    client = socketio.AsyncClient(reconnection=False)
    result = await {"echo": echo, "gateway": gateway}[task["dialogue"]](client, task)
    await client.disconnect()
    print(json.dumps(plain(result)), flush=True)


asyncio.run(main())
