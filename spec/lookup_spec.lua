--- Names are looked up by other threads: a resolver that is slow, host/resolver.c
--- here, stops nobody.

local program = require("spec.program")
local shell = require("spec.shell")

describe("a name", function()
  local dir, preload

  setup(function()
    dir = select(2, shell.run("mktemp -d")):match("^[^\n]+")
    -- behind a sanitizer, which has to be the first
    preload = ("LD_PRELOAD='%s %s' "):format(os.getenv("LD_PRELOAD") or "",
      shell.compile("spec/host/resolver.c", dir, "resolver"))
  end)

  teardown(function() shell.run("rm -r " .. dir) end)

  --- What a program prints that looks names up, with a server at `port`.
  local function run(code)
    local output, status = program.run([[
      local net = skein.net
      local server = assert(net.listen("127.0.0.1", 0))
      local port = select(2, server:sockname())
    ]] .. code, nil, preload)
    assert.equal(0, status, output)
    return output
  end

  it("that is slow to find lets others run", function()
    assert.equal("127.0.0.1\ttrue\ttrue\n", run([[
      skein.run(function()
        local start = skein.now()
        local found = skein.task(net.connect, "slow.host", port)
        local ticks = 0
        while not found:done() do
          skein.sleep(0.01)
          ticks = ticks + 1
        end
        print((found:get():peername()), ticks > 20, skein.now() - start >= 0.5)
      end)
    ]]))
  end)

  it("is given up at a timeout and at a cancel, at once", function()
    assert.equal("timeout\tcancelled\ttimeout\ttrue\n", run([[
      skein.run(function()
        local start = skein.now()
        local _, why = net.connect("slow.host", port, 0.02)
        local t = skein.task(net.connect, "slow.host", port)
        skein.sleep(0.02)
        t:cancel()
        t:join()
        local ok, err = pcall(skein.timeout, 0.02, net.listen, "slow.host", 0)
        assert(not ok)
        print(why, t:status(), err.kind, skein.now() - start < 0.4)
      end)
    ]]))
  end)

  it("does not wait for others that are slow", function()
    assert.equal("127.0.0.1\ttrue\n", run([[
      skein.run(function()
        local start = skein.now()
        for i = 1, 2 do skein.task(net.connect, "slow" .. i, port) end
        skein.sleep(0.01)
        local conn = net.connect("quick", port)
        print((conn:peername()), skein.now() - start < 0.4)
      end)
    ]]))
  end)

  it("that is being looked up refuses a fork, which would cut it off", function()
    assert.equal("false\ttrue\t0\n", run([[
      skein.run(function()
        local t = skein.task(net.connect, "slow.host", port)
        local ok, err
        repeat -- once the other thread has begun
          skein.sleep(0.01)
          ok, err = pcall(skein.process, function() end)
          if ok then err:join() end
        until not ok or t:done()
        t:join()
        local p = skein.process(function() end) -- it is over
        p:join()
        print(ok, tostring(err):find("spawn") ~= nil, p:exitcode())
      end)
    ]]))
  end)

  it("does not hold up the end of the program", function()
    local start = os.time()
    assert.equal("over\n", run([[
      skein.task(net.connect, "slow.host", port)
      skein.sleep(0.01)
      print("over")
    ]]))
    assert.is_true(os.time() - start < 5)
  end)
end)
