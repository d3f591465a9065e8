--- tools/layers.lua rejects what breaks the layers, and accepts the tree.
local shell = require("spec.shell")

--- What the check says of a file `name` that holds `text`.
local function verdict(name, text)
  local code, said
  shell.scratch(function(dir)
    local path = dir .. "/" .. name
    shell.write(path, text)
    code, said = shell.run("tools/lua tools/layers.lua " .. path)
  end)
  return code == 0, said
end

local function accepts(name, text)
  local ok, said = verdict(name, text)
  assert.is_true(ok, said)
  assert.equal("", said)
end

local function rejects(name, text, why)
  local ok, said = verdict(name, text)
  assert.is_false(ok)
  assert.truthy(said:find(why, 1, true), said)
end

describe("layers", function()
  it("accept the sources as they are", function()
    local code, said = shell.run("tools/lua tools/layers.lua src/*.[ch]")
    assert.same({ 0, "" }, { code, said })
  end)

  it("let an include point down, or to the left in its layer", function()
    accepts("lib_queue.c", '#include "sched.h"\n#include "sk.h"\n')
    accepts("timers.h", '#include "list.h"\n#include <lualike.h>\n')
    accepts("timers.c", '#include "timers.h"\n')
  end)

  it("reject an include that points up or to the right", function()
    rejects("list.h", '#include "timers.h"\n', "timers.h, which is not below")
    rejects("clock.c", '# include "sched.h"\n', "sched.h, which is not below")
    rejects("lib_queue.c", '#include "lib_pipe.h"\n', "lib_pipe.h, which is")
    rejects("lib_queue.c", '#include "nowhere.h"\n', "nowhere.h, which is")
  end)

  it("let the .c files of one noun include its headers", function()
    accepts("task.c", '#include "sched.h"\n')
    rejects("task.h", '#include "sched.h"\n', "sched.h, which is not below")
    rejects("clock.c", '#include "timers.h"\n', "timers.h, which is not")
  end)

  it("reject a file that they do not list", function()
    rejects("nowhere.c", "", "no layer")
  end)

  it("keep Lua out of plain files", function()
    accepts("clock.c", "#include <locale.h>\n")
    accepts("lib.h", "#include <lua.h>\n")
    rejects("clock.c", "#include <lua.h>\n", "must not include Lua")
    rejects("arena.h", '#include "lauxlib.h"\n', "must not include Lua")
  end)
end)
