std = "lua54"
max_line_length = 100
exclude_files = { "build", "lua_modules" }
files["spec"].std = "lua54+busted"
files["types"].ignore = { "211", "212", "241", "411" }
files["skein-scm-1.rockspec"].std = "rockspec"
