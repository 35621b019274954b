#!/usr/bin/env python3
"""Actions written for Signalbox, in Python with its standard library alone.

It takes our envelopes at one address, checks their signature, tells of progress line by line, and
answers errors of its own.

    SIGNALBOX_ACTIONS_SIGNING_SECRET=... python3 examples/upstream/reports.py [PORT]

PORT 0: the system picks one.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("SIGNALBOX_ACTIONS_SIGNING_SECRET", "").encode()
OLDEST_SECONDS = 300
BODY_BYTES_MAX = 1_000_000


class ActionError(Exception):
    """An error that the caller shall hear of: a code of our own."""

    def __init__(self, code, message, details=None):
        super().__init__(message)
        self.body = {"code": code, "message": message}
        if details is not None:
            self.body["details"] = details


def is_signed(header, body):
    """Whether `t=UNIX,v1=HEX` was made with our secret, of this body, not long ago."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    moment = parts.get("t", "")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > OLDEST_SECONDS:
        return False
    expected = hmac.new(SECRET, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts.get("v1", ""))


def build(data, context):
    """Tells of each page, then gives the whole."""
    pages = data.get("pages", 3)
    if not isinstance(pages, int) or not 1 <= pages <= 100:
        raise ActionError("TOO_MANY_PAGES", "1 to 100 pages", {"pages": pages})
    for page in range(1, pages + 1):
        time.sleep(data.get("seconds", 0.1))
        yield {"progress": {"page": page, "pages": pages}}
    yield {"result": {"pages": pages, "for": context["userId"], "company": context["companyId"]}}


def titles(data, context):
    yield {"result": ["Sales", "Stock"]}


ACTIONS = {"reports.build": build, "reports.titles": titles}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size) if size <= BODY_BYTES_MAX else b""
        if not is_signed(self.headers.get("Signalbox-Signature", ""), body):
            return self.answer(401, {"message": "the signature is not good"})
        envelope = json.loads(body)
        action = ACTIONS.get(envelope["action"])
        if action is None:
            return self.answer(404, {"error": {"code": "NOT_FOUND", "message": "no such report"}})
        self.stream(action(envelope["data"] or {}, envelope["context"]))

    def stream(self, lines):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for line in lines:
                self.write_line(line)
        except ActionError as error:
            self.write_line({"error": error.body})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the caller has gone, or cancelled it
            return
        self.wfile.write(b"0\r\n\r\n")

    def write_line(self, line):
        text = json.dumps(line).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 3001), Handler)
    server.daemon_threads = True
    print(f"reports listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
