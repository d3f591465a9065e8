"""The echo server of bench/net.lua, in Python's asyncio; uvloop where it is."""
import asyncio
import sys

if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()


async def serve(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
