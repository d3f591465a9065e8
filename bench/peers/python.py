"""asyncio, multiprocessing and pickle: python.py WORK N [X]

A work is a function of n and x: it prepares, and returns a function that does it
n times, and, where something is to be ended, another that ends it. Printed are
the ns for each time, or the figure that the work returns.
"""

import asyncio
import gc
import multiprocessing as mp
import os
import pickle
import resource
import sys
import time

now = time.process_time if os.environ.get("CLOCK") == "processor" else time.monotonic


# ---- tasks ----

def in_loop(body):
    return lambda: asyncio.run(body())


def switch(n, x):
    async def work():
        for _ in range(n // 2):
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(work(), work())

    return in_loop(both)


async def nop():
    pass


def start(n, x):
    async def body():
        for _ in range(n // 100):
            tasks = [asyncio.create_task(nop()) for _ in range(100)]
            await tasks[-1]

    return in_loop(body)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def sleepers(figure):
    async def body(n):
        gc.collect()
        before, began = resident(), time.process_time()
        tasks = [asyncio.create_task(asyncio.sleep(0.5)) for _ in range(n)]
        await asyncio.sleep(0)
        size = (resident() - before) / n
        for task in tasks:
            await task
        if figure == "memory":
            return size
        return (time.process_time() - began) / n * 1e9

    return lambda n, x: lambda: asyncio.run(body(n))


def channel(n, x):
    async def body():
        c = asyncio.Queue()
        for i in range(n):
            await c.put(i)
            await c.get()

    return in_loop(body)


def pingpong(n, x):
    async def body():
        a, b = asyncio.Queue(1), asyncio.Queue(1)

        async def answer():
            for _ in range(n):
                await b.put(await a.get())

        task = asyncio.create_task(answer())
        for i in range(n):
            await a.put(i)
            await b.get()
        await task

    return in_loop(body)


def timeout(n, x):
    async def body():
        for _ in range(n):
            async with asyncio.timeout(1):
                await asyncio.sleep(0)

    return in_loop(body)


def many(n, x):
    """n switches by x tasks, which have begun."""
    async def work():
        for _ in range(n // x + 1):
            await asyncio.sleep(0)

    async def body():
        tasks = [asyncio.create_task(work()) for _ in range(x)]
        await asyncio.sleep(0)
        began = now()
        for task in tasks:
            await task
        return (now() - began) / n * 1e9

    return in_loop(body)


def timers(n, x):
    async def body():
        loop = asyncio.get_running_loop()
        others = [loop.call_later(1000 + i / 1e6, print) for i in range(x)]
        began = now()
        for _ in range(n):
            loop.call_later(1, print).cancel()
        took = (now() - began) / n * 1e9
        for timer in others:
            timer.cancel()
        return took

    return in_loop(body)


# ---- processes ----

def idle():
    pass


def process(method):
    def work(n, x):
        context = mp.get_context(method)
        if method == "forkserver":  # it is there
            first = context.Process(target=idle)
            first.start()
            first.join()

        def run():
            for _ in range(n):
                p = context.Process(target=idle)
                p.start()
                p.join()

        return run

    return work


def echo(item):
    def work(n, x):
        value = b"x" * x if x else item

        def answer(end):
            for _ in range(n):
                end.send(end.recv())

        def run():
            here, there = mp.Pipe()
            p = mp.Process(target=answer, args=(there,))
            p.start()
            for _ in range(n):
                here.send(value)
                here.recv()
            p.join()

        return run

    return work


def produce(q, item, n):
    for _ in range(n):
        q.put(item)


def consume(q, n):
    for _ in range(n):
        q.get()


def stream(item):
    def work(n, x):
        def run():
            q = mp.Queue(1000)
            p = mp.Process(target=produce, args=(q, item, n))
            p.start()
            consume(q, n)
            p.join()

        return run

    return work


def crowd(n, x):
    """x producers and x consumers of one queue."""
    def run():
        q = mp.Queue(1000)
        item = {"id": 1, "name": "task", "v": 1.5}
        share = n // x
        all = [mp.Process(target=produce, args=(q, item, share)) for _ in range(x)]
        all += [mp.Process(target=consume, args=(q, share)) for _ in range(x)]
        for p in all:
            p.start()
        for p in all:
            p.join()

    return run


def together(n, body):
    p = mp.Process(target=body, args=(n // 2,))
    p.start()
    body(n // 2)
    p.join()


def locking(lock):
    def body(n):
        for _ in range(n):
            lock.acquire()
            lock.release()

    return body


def lock(n, x):
    body = locking(mp.Lock())
    return lambda: body(n)


def lock2(n, x):
    body = locking(mp.Lock())
    return lambda: together(n, body)


def value2(n, x):
    v = mp.Value("q", 0)

    def body(n):
        for _ in range(n):
            with v.get_lock():
                v.value += 1

    return lambda: together(n, body)


# ---- pools ----

def same(x):
    return x


def pool_start(n, x):
    def run():
        for _ in range(n):
            pool = mp.Pool(2)
            pool.close()
            pool.join()

    return run


def in_pool(body):
    def work(n, x):
        pool = mp.Pool(2)

        def finish():
            pool.close()
            pool.join()

        pool.map(same, range(4))
        return lambda: body(pool, n), finish

    return work


def apply(pool, n):
    for i in range(n):
        pool.apply(same, (i,))


def submit(pool, n):
    jobs = [pool.apply_async(same, (i,)) for i in range(n)]
    for i in range(n):
        assert jobs[i].get() == i


def compute(seed):
    x = seed
    for _ in range(200000):
        x = (x * 1103515245 + 12345) % 2147483648
    return x


def compute_all(pool, n):
    assert len(pool.map(compute, range(n))) == n


def map_all(pool, n):
    assert len(pool.map(same, range(n))) == n


# ---- bytes ----

def records():
    return [{"id": i, "name": "task%d" % i, "v": 1.5} for i in range(1000)]


def pack(n, x):
    value = records()

    def run():
        for _ in range(n):
            pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    return run


def unpack(n, x):
    data = pickle.dumps(records(), pickle.HIGHEST_PROTOCOL)

    def run():
        for _ in range(n):
            pickle.loads(data)

    return run


# ---- sockets: the server of bench/net.lua ----

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def echo_server(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


works = {
    "switch": switch, "start": start, "channel": channel,
    "sleepers": sleepers("cpu"), "sleepers_memory": sleepers("memory"),
    "pingpong": pingpong, "timeout": timeout,
    "fork": process("fork"), "spawn": process("spawn"),
    "server": process("forkserver"),
    "pipe": echo(1), "pipe_1m": echo(b"x" * (1 << 20)),
    "queue": stream({"id": 1, "name": "task", "v": 1.5}),
    "queue_64k": stream(b"x" * 65536),
    "lock": lock, "lock2": lock2, "value2": value2,
    "pool": pool_start, "apply": in_pool(apply), "submit": in_pool(submit),
    "map": in_pool(map_all), "compute": in_pool(compute_all),
    "pack": pack, "unpack": unpack,
    "many": many, "timers": timers, "sizes": echo(None), "crowd": crowd,
    "jobs": in_pool(submit), "items": in_pool(map_all),
}


def main():
    name, n = sys.argv[1], int(sys.argv[2])
    if name == "echo":
        asyncio.run(echo_server(n))
    x = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    run = works[name](n, x)
    run, finish = run if isinstance(run, tuple) else (run, None)
    gc.collect()
    began = now()
    figure = run()
    took = now() - began
    if finish:
        finish()
    print(figure if figure is not None else took / n * 1e9)


if __name__ == "__main__":
    mp.set_start_method("fork")
    main()
