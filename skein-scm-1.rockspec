rockspec_format = "3.0"
package = "skein"
version = "scm-1"

source = {
  url = "git+https://github.com/skein-lua/skein.git",
}

description = {
  summary = "Tasks, threads and processes for Lua, with one kind of handle",
  detailed = [[
skein runs Lua functions as coroutines, as OS threads and as OS processes, and
connects them with channels, queues, pipes, locks and pools that work between
any mix of the three.]],
  homepage = "https://github.com/skein-lua/skein",
  license = "MIT",
  labels = { "concurrency", "async", "threading", "linux" },
}

supported_platforms = { "linux" }

dependencies = {
  "lua >= 5.4, < 5.5",
}

build = {
  type = "builtin",
  modules = {
    ["skein"] = "lua/skein/init.lua",
    ["skein.coroutine"] = "lua/skein/coroutine.lua",
    ["skein.cpus"] = "lua/skein/cpus.lua",
    ["skein.crews"] = "lua/skein/crews.lua",
    ["skein.dump"] = "lua/skein/dump.lua",
    ["skein.imap"] = "lua/skein/imap.lua",
    ["skein.lock"] = "lua/skein/lock.lua",
    ["skein.many"] = "lua/skein/many.lua",
    ["skein.map"] = "lua/skein/map.lua",
    ["skein.options"] = "lua/skein/options.lua",
    ["skein.pool"] = "lua/skein/pool.lua",
    ["skein.progress"] = "lua/skein/progress.lua",
    ["skein.value"] = "lua/skein/value.lua",
    ["skein.worker"] = "lua/skein/worker.lua",
    ["skein.core"] = {
      sources = {
        "src/arena.c",
        "src/buf.c",
        "src/cell.c",
        "src/channel.c",
        "src/child.c",
        "src/clock.c",
        "src/coro.c",
        "src/crew.c",
        "src/crossing.c",
        "src/guard.c",
        "src/item.c",
        "src/launch.c",
        "src/lib.c",
        "src/lib_arena.c",
        "src/lib_batch.c",
        "src/lib_channel.c",
        "src/lib_coroutine.c",
        "src/lib_dump.c",
        "src/lib_error.c",
        "src/lib_group.c",
        "src/lib_job.c",
        "src/lib_lock.c",
        "src/lib_pipe.c",
        "src/lib_pool.c",
        "src/lib_process.c",
        "src/lib_queue.c",
        "src/lib_scope.c",
        "src/lib_signal.c",
        "src/lib_task.c",
        "src/lib_thread.c",
        "src/lib_value.c",
        "src/lib_wire.c",
        "src/lib_worker.c",
        "src/lock.c",
        "src/memo.c",
        "src/object.c",
        "src/osthread.c",
        "src/outcome.c",
        "src/parcel.c",
        "src/pipe.c",
        "src/poller_epoll.c",
        "src/pool.c",
        "src/prod.c",
        "src/queue.c",
        "src/report.c",
        "src/sched.c",
        "src/sched_loop.c",
        "src/sched_state.c",
        "src/scope.c",
        "src/seat.c",
        "src/select.c",
        "src/shared.c",
        "src/signals.c",
        "src/skein.c",
        "src/slot.c",
        "src/slots.c",
        "src/spawn.c",
        "src/sweep.c",
        "src/timers.c",
        "src/transit.c",
        "src/wire.c",
        "src/wire_accept.c",
        "src/wire_decode.c",
        "src/wire_encode.c",
        "src/wire_names.c",
        "src/wire_open.c",
        "src/wire_path.c",
        "src/wire_seal.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "pthread", "dl", "m" },
    },
  },
}
