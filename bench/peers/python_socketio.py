"""python-socketio on aiohttp and uvloop, from Debian's packages. Environment: see gateway.mjs."""

import base64
import hashlib
import hmac
import json
import os
import socket
import ssl
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs

import socketio
import uvloop
from aiohttp import web

SECRET = os.environ["BENCH_SECRET"].encode()
with open(os.environ["BENCH_CREDENTIALS"], encoding="utf-8") as lines:
    SESSIONS = {session: ("bench", company) for company, session, _ in map(str.split, lines)}

sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*", http_compression=False)
app = web.Application()
sio.attach(app, socketio_path="realtime")
principals = {}
position = 0


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify(token):
    header, payload, signature = token.split(".")
    expected = hmac.digest(SECRET, f"{header}.{payload}".encode(), "sha256")
    if not hmac.compare_digest(decode(signature), expected):
        return None
    if json.loads(decode(header))["alg"] != "HS256":
        return None
    claims = json.loads(decode(payload))
    return claims if claims["exp"] > time.time() else None


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@sio.event
async def connect(sid, environ, auth):
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    claims = verify(auth["token"])
    if not claims or SESSIONS.get(query["sessionId"]) != (claims["sub"], claims["companyId"]):
        raise socketio.exceptions.ConnectionRefusedError("INVALID_TOKEN")
    company = claims["companyId"]
    rooms = [f"company:{company}", f"user:{company}:{claims['sub']}", f"session:{company}:{query['sessionId']}"]
    if "artifactId" in query:
        rooms.append(f"artifact:{company}:{query['artifactId']}")
    principals[sid] = claims
    for room in rooms:
        sio.enter_room(sid, room)


@sio.event
async def disconnect(sid):
    principals.pop(sid, None)


async def publish(principal, data):
    global position
    position += 1
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    update = {"type": "UPDATE", "requestId": data["requestId"], "action": data["action"], "data": data["data"],
              "kind": "push", "time": now, "position": f"1-{position}"}
    await sio.emit("message", compact(update), room=f"company:{principal['companyId']}")
    return {"accepted": 1, "positions": [f"1-{position}"]}


@sio.event
async def message(sid, text):
    principal = principals[sid]
    request = json.loads(text)
    answer = {"type": "RESPONSE", "requestId": request["requestId"], "action": request["action"]}
    if request["action"] == "echo":
        answer["data"] = request["data"]
    elif request["action"] == "updates.send" and "updates:send" in principal["permissions"]:
        answer["data"] = await publish(principal, request["data"])
    else:
        answer.update(type="ERROR", error={"code": "FORBIDDEN", "message": "FORBIDDEN", "retryable": False})
    await sio.emit("message", compact(answer), to=sid)


def tls_context():
    if "BENCH_TLS_KEY" not in os.environ:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["BENCH_TLS_CERTIFICATE"], os.environ["BENCH_TLS_KEY"])
    return context


def main():
    uvloop.install()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"listening {listener.getsockname()[1]}", flush=True)
    web.run_app(app, sock=listener, ssl_context=tls_context(), print=None, access_log=None)


if __name__ == "__main__":
    main()
