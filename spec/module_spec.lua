--- The module itself: loaded once, twice, by a fresh state.

describe("the module", function()
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
