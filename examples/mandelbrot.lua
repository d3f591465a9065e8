--- The Mandelbrot set: a pool of processes computes it, row by row, into one
-- array in shared memory, and the main process saves that as a picture.
--
--   lua mandelbrot.lua [FILE.ppm [WIDTH [WORKERS]]]
--
-- What to see: a bar on stderr, then the picture. The workers send nothing
-- back; where rows are costly (inside of the set) the pool hands out few at a
-- time, where they are cheap, many.

local skein = require("skein")

local file = arg[1] or "mandelbrot.ppm"
local width = math.tointeger(tonumber(arg[2])) or 640
local workers = math.tointeger(tonumber(arg[3])) or skein.cpus()
local height = width * 3 // 4
local DEPTH = 400

local picture = skein.array("uint8", width * height * 3)

--- After how many steps the point leaves the circle, as a fraction; nil: never.
local function escape(cr, ci)
  local zr, zi = 0.0, 0.0
  for n = 1, DEPTH do
    local rr, ii = zr * zr, zi * zi
    if rr + ii > 256 then
      return n + 1 - math.log(math.log(rr + ii) / 2 / math.log(2), 2)
    end
    zr, zi = rr - ii + cr, 2 * zr * zi + ci
  end
  return nil
end

--- Red, green and blue for a number of steps.
local function colour(n)
  if not n then return 0, 0, 0 end
  local function wave(phase)
    return math.floor(127.5 - 127.5 * math.cos(0.35 * n ^ 0.75 + phase))
  end
  return wave(0.3), wave(0.9), wave(1.6)
end

local function compute_row(y)
  local row, ci = {}, (y - height / 2) / height * 2.4
  for x = 1, width do
    local r, g, b = colour(escape((x - width * 0.7) / width * 3.2, ci))
    row[#row + 1], row[#row + 2], row[#row + 3] = r, g, b
  end
  picture:write(row, (y - 1) * width * 3 + 1)
end

local function save(path)
  local out <close> = assert(io.open(path, "wb"))
  out:write(("P6\n%d %d\n255\n"):format(width, height))
  for y = 1, height do
    local first = (y - 1) * width * 3 + 1
    for at = first, first + width * 3 - 1, 6000 do
      local last = math.min(at + 5999, first + width * 3 - 1)
      out:write(string.char(table.unpack(picture:slice(at, last))))
    end
  end
end

local rows = {}
for y = 1, height do rows[y] = y end

local start = skein.now()
do
  local pool <close> = skein.pool(workers)
  pool:map(compute_row, rows, { progress = true })
end
save(file)
print(("%d x %d pixels by %d workers in %.1f s: %s"):format(width, height, workers,
  skein.now() - start, file))
