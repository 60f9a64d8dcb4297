#!/usr/bin/env python3
"""A sample app processor. Copy it and write your own `process`.

    etc/processor.py [--listen HOST:PORT] [--server HOST:PORT] [--key KEY --token TOKEN]

elvesd calls it with the result of every task of mode P of its app (`elvesctl app set APP HOST PORT` says where it
listens), again and again until it answers `flag` "true". Then it tells the task log what it made of it
(`tasklog.appprocessorlog`), which shows as `processor_message` and `processor_costtime` of the task.
docs/protocol.md, tasklog, is the contract.
"""

import argparse
import json
import socket
import socketserver
import struct
import sys
import time

LARGEST_FRAME = 4 * 1024 * 1024


def process(result):
    """Yours: what is to be done with a result. Returns a line for the task log; raises where it can't be done."""
    print(f"task {result['id']}: {result['ins']['app']}.{result['ins']['func']} said "
          f"{result['worker_flag']}: {result['worker_result']}", flush=True)
    return f"{len(result['worker_result'])} characters put away"


def read_exactly(link, size):
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        if not piece:
            raise ConnectionError("the other side closed the connection")
        data += piece
    return data


def read_frame(link):
    (length,) = struct.unpack(">I", read_exactly(link, 4))
    if not 1 <= length <= LARGEST_FRAME:
        raise ConnectionError(f"a frame of {length} bytes")
    return json.loads(read_exactly(link, length))


def write_frame(link, **fields):
    text = json.dumps(fields).encode()
    link.sendall(struct.pack(">I", len(text)) + text)


class Results(socketserver.BaseRequestHandler):
    """One connection of elvesd's."""

    def handle(self):
        self.request.settimeout(30)
        try:
            while True:
                self.answer(read_frame(self.request))
        except (ConnectionError, ValueError, socket.timeout):
            pass  # elvesd hangs up when it has its answer

    def answer(self, call):
        begun = time.monotonic()
        error, message = "", ""
        try:
            if (call.get("mqs"), call.get("mqf")) != ("processor", "result"):
                raise ValueError(f"no method {call.get('mqf')} here; there is processor.result")
            message = process(call)
        except Exception as failure:  # whatever it is: elvesd is to try again
            error = f"{type(failure).__name__}: {failure}"
        write_frame(self.request, mqt="back", mqs=call.get("mqs", ""), mqf=call.get("mqf", ""),
                    mqid=call.get("mqid"), flag="false" if error else "true", error_info=error)
        if not error:
            self.server.tell(call["id"], message, int((time.monotonic() - begun) * 1000))


class Processor(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def tell(self, task, message, milliseconds):
        """What came of it, for the task log. Its loss costs the message, not the delivery."""
        fields = {"mqt": "call", "mqs": "tasklog", "mqf": "appprocessorlog", "id": task,
                  "info": {"processor_sync_flag": "true", "processor_sync_error": "",
                           "processor_sync_costtime": milliseconds, "processor_message": message}}
        if self.auth:
            fields["auth"] = self.auth
        try:
            with socket.create_connection(self.elvesd, timeout=10) as link:
                write_frame(link, **fields)
                reply = read_frame(link)
                if reply["flag"] != "true":
                    print(f"task {task}: the task log refused: {reply['error_info']}", file=sys.stderr)
        except (OSError, ValueError) as failure:
            print(f"task {task}: not in the task log: {failure}", file=sys.stderr)


def host_and_port(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--listen", type=host_and_port, default="127.0.0.1:7799", metavar="HOST:PORT")
    options.add_argument("--server", type=host_and_port, default="127.0.0.1:7788", metavar="HOST:PORT")
    options.add_argument("--key")
    options.add_argument("--token")
    chosen = options.parse_args()
    with Processor(chosen.listen, Results) as processor:
        processor.elvesd = chosen.server
        processor.auth = {"key": chosen.key, "token": chosen.token} if chosen.key else None
        print("listening on {}:{}".format(*processor.server_address[:2]), flush=True)
        try:
            processor.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
