--- Looks for a Lua pattern in all files below some directories, in parallel.
--
--   lua grep.lua [--workers N] PATTERN [DIRECTORY ...]
--
-- What to see: the lines that match, each with its file and number, in the
-- order of the paths, however long each file took; and the first ones before
-- the last file has been read. The exit code is 0 if there are any, else 1.

local skein = require("skein")

local args, workers = { table.unpack(arg) }, skein.cpus()
if args[1] == "--workers" then
  workers = math.tointeger(tonumber(args[2])) or workers
  args = { table.unpack(args, 3) }
end
local pattern = table.remove(args, 1)
if not pattern or not pcall(string.find, "", pattern) then
  io.stderr:write("usage: grep.lua [--workers N] PATTERN [DIRECTORY ...]\n")
  os.exit(2)
end

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- An iterator over the regular files below the directories, by path.
local function files(directories)
  if #directories == 0 then directories = { "." } end
  local words = {}
  for i, directory in ipairs(directories) do words[i] = quote(directory) end
  local find = assert(io.popen(("find %s -type f -print0 | sort -z"):format(
    table.concat(words, " "))))
  local paths = find:read("a"):gmatch("[^\0]+")
  find:close()
  return paths
end

--- The lines of a file that match: "path:12: text". Runs in a worker.
local function search(path)
  local file, err = io.open(path, "rb")
  if not file then error(err, 0) end
  local text = file:read("a")
  file:close()
  if not text or text:find("\0", 1, true) then return nil end -- no text
  local found, number = {}, 0
  for line in text:gmatch("([^\n]*)\n?") do
    number = number + 1
    if line:find(pattern) then
      found[#found + 1] = ("%s:%d: %s"):format(path, number, line)
    end
  end
  return #found > 0 and table.concat(found, "\n") or nil
end

local any = false
local pool <close> = skein.pool(workers)
for _, ok, found in pool:imap(search, files(args), { ahead = 16 * workers }) do
  if not ok then
    io.stderr:write("grep.lua: ", tostring(found.message), "\n")
  elseif found then
    any = true
    print(found)
  end
end
pool:close()
pool:join()
os.exit(any and 0 or 1)
