--- What a child finds of its parent: everything, or what it was sent.
-- What to see: a forked child is a copy of the parent, globals included; a
-- spawned one is a white page that receives the function, its arguments and
-- its upvalues; so is one by the server, a clean helper process that forks.
-- Each way parent and child are independent from then on: what the child
-- sets, the parent never sees.

local skein = require("skein")

-- luacheck: globals pid
pid = skein.self().pid
local home = pid

local function show(form, ...)
  io.write(form:format(...), "\n"):flush()
end

local function work(method)
  show("%s: the child finds global %s, upvalue %s", method, pid, home)
  pid, home = 1, 1
  show("%s: the child now has %d, %d", method, pid, home)
end

show("main: has global %d, upvalue %d", pid, home)
for _, method in ipairs({ "fork", "spawn", "server" }) do
  skein.process({ method = method }, work, method):join()
  show("main: still has %d, %d", pid, home)
end
