#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A web server for test_fetch and test_client: serves a directory, and below
/bad/ behaves as a server of a repository should not.

Usage: repo_server.py DIRECTORY [CERTIFICATE KEY]

Prints its port.  Each request is a line in DIRECTORY/requests: method, path,
status, what of its headers matters.  Ends with its standard input.
"""
import hashlib
import http.server
import os
import ssl
import sys
import threading
import time
import urllib.parse

root = sys.argv[1]
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, status):
        said = [f"{n}={self.headers[n]}" for n in
                ("Authorization", "If-None-Match", "If-Modified-Since", "Range", "Cache-Control") if self.headers[n]]
        with lock, open(os.path.join(root, "requests"), "a") as f:
            f.write(" ".join([self.command, self.path, str(status)] + said) + "\n")

    def answer(self, status, body=b"", **headers):
        self.note(status)
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304 and "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve_file(self, ranges=True):
        path = os.path.join(root, self.path.split("/", 2)[-1] if self.path.startswith("/norange/")
                            else self.path.lstrip("/"))
        path = urllib.parse.unquote(path)
        if not os.path.isfile(path):
            return self.answer(404, b"not here")
        with open(path, "rb") as f:
            body = f.read()
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if self.headers["If-None-Match"] == tag:
            return self.answer(304, ETag=tag)
        given = self.headers["Range"]
        if given and ranges:
            start = int(given.split("=")[1].rstrip("-"))
            if start >= len(body):
                return self.answer(416)
            return self.answer(206, body[start:], ETag=tag,
                               Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.answer(200, body, ETag=tag)

    def bad(self, what):
        self.close_connection = True
        if what.isdigit():
            return self.answer(int(what), b"a page for people" * 10)
        if what == "silent":
            self.note(0)
            time.sleep(60)
        elif what == "loop":
            self.answer(302, Location="/bad/loop")
        elif what == "elsewhere":
            # Another name of the same host: another host, for who keeps secrets.
            host, port = self.headers["Host"].split(":")
            other = "localhost" if host == "127.0.0.1" else "127.0.0.1"
            self.answer(302, Location=f"http://{other}:{port}/small")
        elif what == "tofile":
            self.answer(302, Location="file:///etc/passwd")
        elif what == "plain":
            self.answer(302, Location=open(os.path.join(root, "plain-url")).read())
        elif what == "key":
            ok = self.headers["Authorization"] == "Bearer secret"
            self.answer(200 if ok else 401, b"for customers")
        elif what == "cut":
            self.answer(200, b"the first bytes", Content_Length="100000")
        else:
            self.note(200)
            self.send_response(200)
            self.end_headers()
            chunk, pause = (b"x" * 65536, 0) if what == "endless" else (b"x", 0.5)
            try:
                while True:
                    self.wfile.write(chunk)
                    self.wfile.flush()
                    time.sleep(pause)
            except OSError:
                pass

    def do_GET(self):
        if self.path.startswith("/bad/"):
            # So that a whole repository can be below it.
            self.bad(self.path.split("/")[2])
        else:
            self.serve_file(not self.path.startswith("/norange/"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(os.path.join(root, "posted"), "wb") as f:
            f.write(body)
        self.answer(500 if self.path == "/bad/500" else 204)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
