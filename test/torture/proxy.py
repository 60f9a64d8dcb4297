"""A TCP hop that can lose the two sides to each other. It runs in a thread of its own; its methods are for any thread."""

import asyncio
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)


class Proxy:
    def __init__(self, target):
        self.target = target   # (host, port)
        self.delay = 0.0       # seconds that each piece is held
        self._pairs = set()    # (the writer to who dialled, the writer to the target)
        self._silent = set()   # those of them whose target is not to hear of the end
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    @property
    def text(self):
        return f"127.0.0.1:{self.port}"

    def _run(self, started):
        async def serve():
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()
        self._loop.run_until_complete(serve())
        self._loop.run_forever()

    # ---- what happens to the link ----
    def cut(self):
        """Every connection is reset, and what is on its way is gone."""
        self._loop.call_soon_threadsafe(lambda: [self._reset(pair) for pair in list(self._pairs)])

    def cut_one_side(self):
        """Who dialled sees a reset; the other side hears nothing, as from a machine without power."""
        def halve():
            self._silent |= self._pairs
            for pair in self._pairs:
                abort(pair[0])
        self._loop.call_soon_threadsafe(halve)

    def hold(self):
        """Nothing comes through; it is not lost either, until `let_go`."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def let_go(self):
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(5)

    # ---- on the loop ----
    async def _end(self):
        self._server.close()
        for pair in list(self._pairs):
            self._reset(pair)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop.stop()

    def _reset(self, pair):
        self._pairs.discard(pair)
        self._silent.discard(pair)
        for writer in pair:
            abort(writer)

    async def _accept(self, reader, writer):
        try:
            await self._flows.wait()
            there_reader, there_writer = await asyncio.open_connection(*self.target)
            pair = (writer, there_writer)
            self._pairs.add(pair)
            await asyncio.gather(self._pump(pair, reader, there_writer), self._pump(pair, there_reader, writer))
            self._reset(pair)
        except (OSError, asyncio.CancelledError):
            abort(writer)

    async def _pump(self, pair, reader, writer):
        """Both pumps of a pair end by themselves: one side's end is handed on to the other, unless that is cut off."""
        try:
            while data := await reader.read(1 << 16):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            if pair not in self._silent:
                writer.write_eof()
        except OSError:
            if pair not in self._silent:
                abort(writer)


def abort(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
