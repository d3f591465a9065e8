--- What many things of a kind take: processor time and memory, each.

local resident = {}

local function pages()
  local file <close> = assert(io.open("/proc/self/statm"))
  return tonumber(file:read("l"):match("%d+ (%d+)"))
end

--- A work that starts n of something and waits until they have ended; half way
--- it is asked what is resident. `start(n)` starts them, `finish(n)` waits.
---@param figure "cpu" | "memory"
function resident.work(figure, start, finish)
  return function(n)
    return function()
      collectgarbage()
      local before, began = pages(), os.clock()
      start(n)
      local bytes = (pages() - before) * 4096 / n
      finish(n)
      return figure == "memory" and bytes or (os.clock() - began) / n * 1e9
    end
  end
end

return resident
