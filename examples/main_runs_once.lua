--- A fresh process does not run the main script again.
-- What to see: "gu?" comes once, although the child is a fresh interpreter.
-- Nothing has to be wrapped in a test for "am I the main program".

local skein = require("skein")

local function work()
  return "done"
end

local child = skein.process({ method = "spawn", start = false }, work)
print("son process created")
child:start()
print("son process starts")
print("son process ends: " .. child:get())
print("gu?")
