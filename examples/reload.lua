--- A service that reloads on HUP and ends cleanly on TERM, and who tells it to.
-- What to see: each HUP takes effect between two pieces of work; at TERM the
-- piece under way is finished, what was opened is closed, and the exit code is 0.
--
--   lua service.lua [second]            shows it: starts the service as a program
--   lua service.lua [second] serve      is the service

local skein = require "skein"

local second = tonumber(arg and arg[1]) or 0.2

local function say(...)
  io.write(table.concat({ ... }, " "), "\n"):flush()
end

--- What a real one reads from its file.
local loads = 0
local function load_config()
  loads = loads + 1
  return { greeting = ("configuration %d"):format(loads) }
end

local function serve()
  local config = load_config()
  local _ <close> = setmetatable({}, { __close = function() say("closed") end })
  local signals = skein.signal("HUP", "TERM")
  say("ready with", config.greeting)
  skein.group(function(group)
    group:task(function() -- the work
      for _ in skein.every(second) do
        skein.shield(skein.sleep, second / 2) -- a piece of it is not cut off
      end
    end)
    for name in signals:items() do
      say("got", name)
      if name == "TERM" then break end
      config = load_config()
      say("goes on with", config.greeting)
    end
    group:cancel()
  end)
  signals:close()
  say("finished its work")
end

if arg and arg[2] == "serve" then return serve() end

local service = skein.command {
  skein.interpreter(), arg[0], second, "serve", stdout = "pipe", stderr = "inherit",
}

--- Shows what the service says up to a line that begins with `word`.
local function expect(word)
  for line in service.stdout:lines() do
    say("service:", line)
    if line:find("^" .. word) then return end
  end
end

expect("ready")
for _ = 1, 2 do
  say("main: HUP")
  service:signal("HUP")
  expect("goes on")
end
say("main: TERM")
service:signal("TERM")
expect("closed")
say("main: exit code", service:get().code)
service.stdout:close()
