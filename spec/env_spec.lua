--- 'make env' makes Lua find the build, from wherever the checkout is.
local shell = require("spec.shell")

--- Evaluates what tools/env of a checkout at `root` prints, after `before`.
local function evaluate(root, before)
  local name = shell.quote(root)
  local _, said = shell.run(string.format(
    "unset LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4 BUILD; %s\n" ..
    "mkdir -p %s/tools && cp tools/env %s/tools/ && " ..
    "eval \"$(%s/tools/env)\" && " ..
    "printf '%%s\\n' \"$LUA_PATH\" \"$LUA_CPATH\" \"${LUA_PATH_5_4-unset}\"",
    before or "", name, name, name))
  local lines = {}
  for line in said:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return table.unpack(lines)
end

describe("make env", function()
  it("prints absolute paths that end in the default ones", function()
    shell.scratch(function(dir)
      local path, cpath, special = evaluate(dir)
      assert.equal(dir .. "/lua/?.lua;" .. dir .. "/lua/?/init.lua;;", path)
      assert.equal(dir .. "/build/?.so;;", cpath)
      assert.equal("unset", special)
    end)
  end)

  it("survives blanks, quotes and dollars in the path", function()
    shell.scratch(function(dir)
      local odd = dir .. "/it's a $HOME \"dir\""
      local path, cpath = evaluate(odd)
      assert.equal(odd .. "/lua/?.lua;" .. odd .. "/lua/?/init.lua;;", path)
      assert.equal(odd .. "/build/?.so;;", cpath)
    end)
  end)

  it("keeps what was there behind its own", function()
    shell.scratch(function(dir)
      local path, cpath = evaluate(dir,
        "export LUA_PATH='/x/?.lua' LUA_CPATH='/x/?.so;;'")
      local mine = dir .. "/lua/?.lua;" .. dir .. "/lua/?/init.lua;"
      assert.equal(mine .. "/x/?.lua;;", path)
      assert.equal(dir .. "/build/?.so;/x/?.so;;", cpath)
    end)
  end)

  it("changes nothing the second time", function()
    shell.scratch(function(dir)
      local once = evaluate(dir)
      local twice = evaluate(dir, "export LUA_PATH=" .. shell.quote(once))
      assert.equal(once, twice)
    end)
  end)

  it("sets the variables of Lua 5.4 where they hide the others", function()
    shell.scratch(function(dir)
      local _, _, special = evaluate(dir, "export LUA_PATH_5_4='/y/?.lua;;'")
      local mine = dir .. "/lua/?.lua;" .. dir .. "/lua/?/init.lua;"
      assert.equal(mine .. "/y/?.lua;;", special)
    end)
  end)

  it("is what make prints", function()
    local code, said = shell.run("unset BUILD; make -s env")
    assert.equal(0, code)
    assert.equal(select(2, shell.run("unset BUILD; tools/env")), said)
  end)
end)
