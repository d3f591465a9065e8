--- Who does the works: skein, the floor, and the peers that are installed.

local shell = require("bench.lib.shell")

local party = {}

local lua = os.getenv("LUA") or "lua5.4"

local function of_lua(id, title)
  return {
    id = id, title = title,
    there = function()
      local name = id == "skein" and id or "bench.peers." .. id
      return shell.line(("%s -e 'require %q print(1)'"):format(lua, name))
    end,
    command = function(area, work, n, x)
      return ("%s bench/one.lua %s %s %s %d %s"):format(lua, area, id, work, n, x or "")
    end,
  }
end

local build = os.getenv("BUILD") or "build"

--- In the order in which they are drawn.
---@type { id: string, title: string, there: fun(), command: fun(...): string }[]
party.all = {
  of_lua("skein", "skein"),
  of_lua("floor", "floor"),
  {
    id = "go", title = "Go",
    there = function() return shell.read(build .. "/bench/go") end,
    command = function(_, work, n, x)
      return ("%s/bench/go %s %d %s"):format(build, work, n, x or "")
    end,
  },
  {
    id = "node", title = "Node",
    there = function() return shell.line("node --version") end,
    command = function(_, work, n)
      return ("node bench/peers/node.js %s %d"):format(work, n)
    end,
  },
  of_lua("cqueues", "cqueues"),
  of_lua("luv", "luv"),
  of_lua("cjson", "cjson"),
  of_lua("copas", "copas"),
  {
    id = "python", title = "Python",
    there = function() return shell.line("python3 -V") end,
    command = function(_, work, n, x)
      return ("python3 bench/peers/python.py %s %d %s"):format(work, n, x or "")
    end,
  },
}
party.all[2].there = function() return true end

--- The floor of a work of sched.lua: a goal may have been set beside it.
function party.yard(work)
  return {
    id = "yard", n = 1000000,
    command = function() return party.named.floor.command("sched", work, 1000000) end,
  }
end

party.named = {}
for _, p in ipairs(party.all) do party.named[p.id] = p end

--- The command of a run of a work by a party.
function party.command(who, area, work, n, x)
  if not work.server then return who.command(area, work.id, n, x) end
  local server = who.command(area, work.server, 0):gsub(" 0 *$", "")
  return ("%s/bench/load %s %d %s"):format(build, work.client or n, work.connections, server)
end

--- Those of a work that are here, the floor first; none, if its client is not.
function party.of(work)
  local list = {}
  if work.client and not shell.line("command -v " .. work.client) then return list end
  local function add(id)
    local p = party.named[id]
    if p.here == nil then p.here = p.there() and true or false end
    if p.here then list[#list + 1] = p end
  end
  if work.floor then add("floor") end
  if work.skein then add("skein") end
  for _, id in ipairs(work.peers or {}) do add(id) end
  return list
end

return party
