--- A pool whose workers are killed: each job has its result, or an error that
--- says that its worker was killed; with retries enough it has its result.

local skein = require("skein")

local function job(id)
  local n = 0
  for i = 1, id % 7 * 1000 do n = n + i % 3 end
  return id, n
end

local function storm(retries)
  return function(options)
    local pool = skein.pool({ workers = 4, retries = retries })
    local finish = skein.now() + options.seconds
    local done, killed, kills, id = 0, 0, 0, 0
    skein.group(function(g)
      for _ = 1, 8 do
        g:task(function()
          while skein.now() < finish do
            id = id + 1
            local mine = id
            local ok, err = pcall(function()
              assert(pool:submit(job, mine):get(20) == mine,
                "another job's result")
            end)
            if ok then
              done = done + 1
            else
              assert(type(err) == "table" and err.kind == "killed",
                tostring(err))
              killed = killed + 1
            end
          end
        end)
      end
      g:task(function()
        while skein.now() < finish do
          skein.sleep(options.random() * 0.02)
          local workers = pool:stats().workers
          local w = workers[options.random(#workers)]
          if w and w.pid then
            os.execute("kill -9 " .. w.pid .. " 2>/dev/null")
            kills = kills + 1
          end
        end
      end)
    end)
    assert(retries == 0 or killed == 0, killed .. " jobs had no result")
    assert(killed <= kills, "more jobs were lost than workers killed")
    pool:close()
    assert(pool:join(20), "the pool does not end")
    return ("%d kills, %d jobs done, %d lost with their workers"):format(kills,
      done, killed)
  end
end

return {
  { name = "pool", run = storm(0) },
  { name = "pool that tries again", run = storm(1000) },
}
