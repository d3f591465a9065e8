--- Runs busted under the interpreter that runs this file: the command
--- 'busted' of a distribution may choose another version of Lua.
table.insert(arg, 1, "--ignore-lua")
require("busted.runner")({ standalone = false })
