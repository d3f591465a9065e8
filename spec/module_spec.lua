--- The module itself: loaded once, twice, by a fresh state.

describe("the module", function()
  it("gives nil where there is nothing, which is a value", function()
    local skein = require("skein")
    local t, c = skein.task(print, "never"), skein.channel()
    local p, d = skein.process(function() end), skein.dict()
    for what, got in pairs({
      ["a task without error"] = table.pack(t:error()),
      ["a process without error"] = table.pack(p:error()),
      ["the parent of none"] = table.pack(skein.parent()),
      ["no capacity of a channel"] = table.pack(c:capacity()),
      ["no capacity of a queue"] = table.pack(skein.queue():capacity()),
      ["no such key"] = table.pack(d:get("none")),
      ["no deadline"] = table.pack(skein.loop.deadline()),
    }) do
      -- where something is due, as the first step of the task, it is a number
      if what ~= "no deadline" then assert.is_nil(got[1], what) end
      assert.equal(1, got.n, what)
    end
    t:cancel()
    p:join()
  end)

  it("has objects that tell what they are", function()
    local skein = require("skein")
    for class, one in pairs(require("spec.living").classes(skein)) do
      local noun = class:match("%a+$")
      local told = tostring(one.object)
      assert.is_truthy(told:find("^skein%." .. noun) or told:find("^" .. noun:lower() .. "[ :]"),
        class .. ": " .. told)
    end
  end)

  it("is the same one when it is loaded again", function()
    local core = require("skein.core")
    local loaded = package.loaded["skein.core"]
    package.loaded["skein.core"] = nil
    local again = require("skein.core")
    package.loaded["skein.core"] = loaded
    assert.equal(core, again)
  end)

  it("keeps its waits when it is loaded again", function()
    local skein = require("skein")
    local q = skein.queue()
    local got = skein.task(q.get, q)
    skein.yield()
    local names = {}
    for name, value in pairs(package.loaded) do
      if name:find("^skein") then
        names[name] = value
        package.loaded[name] = nil
      end
    end
    local other = require("skein")
    for name, value in pairs(names) do package.loaded[name] = value end
    collectgarbage()
    collectgarbage()
    other.queue():put(1)
    q:put("here")
    assert.equal("here", got:get())
  end)
end)
