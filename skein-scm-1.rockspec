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
    ["skein.core"] = {
      sources = {
        "src/buf.c",
        "src/clock.c",
        "src/lib.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "pthread" },
    },
  },
}
