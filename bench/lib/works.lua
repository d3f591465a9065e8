--- Works of skein that more than one area measures.

local loaded, skein = pcall(require, "skein")
if not loaded then skein = {} end

local works = {}

function works.same(x) return x end

--- 1 to n.
function works.numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

--- `item` goes to another process and back, n times.
function works.echo(n, item)
  local here, there = skein.pipe()
  local p = skein.process(function(e)
    for _ = 1, n do e:send(e:recv()) end
  end, there)
  for _ = 1, n do
    here:send(item)
    here:recv()
  end
  p:get()
end

--- A work that is done with a pool, which is there before it begins.
function works.in_pool(body)
  return function(n)
    local pool = skein.pool(2)
    for i = 1, 4 do pool:apply(works.same, i) end
    return function() body(pool, n) end, function()
      pool:close()
      pool:join()
    end
  end
end

function works.submit(pool, n)
  local jobs = {}
  for i = 1, n do jobs[i] = pool:submit(works.same, i) end
  for i = 1, n do assert(jobs[i]:get() == i) end
end

--- The list is made by the clock, for Python's is: it is part of the work.
function works.map(pool, n)
  local results = pool:map(works.same, works.numbers(n))
  assert(results[n] == n)
end

return works
