--- The functions of bench/floor, which `make bench` builds.

local build = os.getenv("BUILD") or "build"
local open = package.loadlib(build .. "/bench/floor.so", "luaopen_floor")
return assert(open, "bench/floor is not built: 'make bench' does")()
