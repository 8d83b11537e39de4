"""A line that takes its time: everything arrives so many seconds later, in both directions."""

from __future__ import annotations

import asyncio
import os
import sys
from threading import Thread


async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    while chunk := await source.read(1 << 16):
        loop.call_later(delay_s, target.write, chunk)
    loop.call_later(delay_s, target.close)


async def main(port: int, delay_s: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, back, delay_s), carry(there, writer, delay_s), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def end_with_parent() -> None:
    """End once standard input is closed, which happens whatever ends the process that started this."""
    sys.stdin.read()
    os._exit(0)


Thread(target=end_with_parent, daemon=True).start()
asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
