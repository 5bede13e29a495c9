# Puts servers at a distance: what goes to and from them takes a while, the end of a connection too.
# Arguments: how long one way takes, in seconds, and the servers. Prints the ports to ask instead.

import asyncio
import contextlib
import sys

delay = float(sys.argv[1])
servers = [address.rsplit(":", 1) for address in sys.argv[2:]]


async def carry(reader, writer):
    loop = asyncio.get_running_loop()
    while True:
        try:
            piece = await reader.read(65536)
        except OSError:
            loop.call_later(delay, writer.transport.abort)
            return
        if not piece:
            break
        loop.call_later(delay, writer.write, piece)
    loop.call_later(delay, end, writer)
    # Not before it was delivered: what is dropped is closed.
    await asyncio.sleep(delay * 2)


def end(writer):
    # The other end may be gone meanwhile.
    with contextlib.suppress(OSError):
        if not writer.is_closing():
            writer.write_eof()


def to(host, port):
    async def accepted(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        for one in (writer, far_writer):
            one.close()

    return accepted


async def main():
    listening = [await asyncio.start_server(to(*server), "127.0.0.1", 0) for server in servers]
    print(*(one.sockets[0].getsockname()[1] for one in listening), flush=True)
    await asyncio.gather(*(one.serve_forever() for one in listening))


asyncio.run(main())
