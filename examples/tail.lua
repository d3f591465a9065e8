--- Follows several files as they grow, as tail -F does.
--
--   lua tail.lua FILE ...
--
-- What to see: a task for each file; reading stops nobody, wherever the file is.
-- One that is cut off is read from its beginning. One that is replaced, as logs are
-- when they are rotated, is read to its end first, then the new one. One that is not
-- there yet is waited for. Ctrl-C ends it.

local skein = require("skein")

local PAUSE = 0.1

--- Writes whole lines; what is left of the last one.
local function write_lines(name, text)
  local rest = text:match("[^\n]*$")
  for line in text:sub(1, #text - #rest):gmatch("(.-)\n") do
    print(name .. ": " .. line)
  end
  io.stdout:flush()
  return rest
end

--- What tells an open file from any other: the file system and the number there.
--- Nil, where the kernel does not say (before Linux 5.14).
local function identity(file)
  local info <close> = io.open(("/proc/self/fdinfo/%d"):format(file:fileno()))
  return info and info:read("a"):match("mnt_id:%s*%d+%s+ino:%s*%d+")
end

--- Is there another file of that name by now, or less in it than was read?
local function is_replaced(name, known, read)
  local file <close> = skein.open(name)
  return file and (identity(file) ~= known or file:seek("end") < read)
end

--- Reads on until the file is replaced or cut off, and then what is left of it.
local function follow(name, file)
  local rest, known, last = "", identity(file), false
  while true do
    local text = file:read()
    if text then
      rest = write_lines(name, rest .. text)
    elseif last then
      if rest ~= "" then write_lines(name, rest .. "\n") end
      return
    else
      last = is_replaced(name, known, file:seek())
      if not last then skein.sleep(PAUSE) end
    end
  end
end

local function watch(name)
  local begun = false
  while true do
    local file <close> = skein.open(name)
    if file then
      if not begun then file:seek("end") end
      follow(name, file)
    else
      skein.sleep(PAUSE)
    end
    begun = true
  end
end

skein.run(function()
  local names = { table.unpack(arg) }
  for _, name in ipairs(names) do skein.task({ name = name }, watch, name) end
  skein.signal("INT", "TERM"):get()
end)
