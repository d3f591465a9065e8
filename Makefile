# The developer's makefile. Users install with 'luarocks make' or
# 'make install'. The tools of tools/ say where Lua 5.4 is.

PREFIX  = /usr/local
DESTDIR =
BUILD   = build
LIMIT   = 900# seconds that the suite may take
SPEC    = spec
ARGS    =# passed on to busted
AREA    =# one of the benchmarks: sched, process, queue, sync, pool, wire, net, growth
QUICK   =# not empty: measure less, for a machine that is busy
SECONDS = 60# that the storms take
SEED    =# of the storms, if not a new one each time
V       =# not empty: show the commands of the build

ifeq ($(origin CC),default)
CC := $(or $(shell command -v cc 2>/dev/null),gcc)
endif
# Looked for when the first file is compiled, and once.
LUAINC ?= $(eval LUAINC := $(or $(shell tools/find include),\
            $(error no headers of Lua 5.4)))$(LUAINC)

OPT    = -O2 -g
SAN    =
WERROR =
WARN   = -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wwrite-strings \
         -Wmissing-prototypes -Wstrict-prototypes -Wconversion \
         -Wpointer-arith -Wcast-qual
# -fno-plt: what is done most is to call Lua, and a jump less each time counts.
CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fno-plt -I$(LUAINC) $(WARN) $(WERROR) \
         $(OPT) $(SAN)

SRC  = $(wildcard src/*.c)
OBJ  = $(SRC:src/%.c=$(BUILD)/%.o)
CORE = $(BUILD)/skein/core.so

# Build from a rule that has to install something first.
MAKEALL = $(MAKE) --no-print-directory -s \
          $(if $(findstring jobserver,$(MAKEFLAGS)),,-j2) all

say = $(if $(V),,@echo "$(1)";)

all: $(CORE)

$(CORE): $(OBJ)
	@mkdir -p $(@D)
	$(call say,link $@)$(CC) -shared $(SAN) $(OBJ) -lpthread -o $@

$(BUILD)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,cc $<)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

-include $(OBJ:.o=.d)

# The shell lines that make lua5.4 find the build.
env:
	@tools/env

demo:
	@tools/setup build
	@$(MAKEALL)
	@tools/lua examples/tour.lua

test:
	@tools/setup build test
	@$(MAKEALL)
	@tools/test $(LIMIT) $(ARGS) $(SPEC)

# Everything side by side; the picture needs gnuplot, the peers bench-peers.
bench: all $(BUILD)/bench/floor.so $(BUILD)/bench/load
	@if command -v go >/dev/null; then \
	  cd bench/peers/go && go build -o "$(abspath $(BUILD))/bench/go" .; \
	fi
	@QUICK="$(QUICK)" tools/lua bench/run.lua "$(AREA)"

# What a start needs at least, part by part, next to what it takes.
bench-least: all $(BUILD)/bench/floor.so
	@tools/lua bench/least.lua

# The peers that the distribution has, gnuplot, valgrind and strace.
bench-peers:
	@tools/setup build bench

# Instructions of hot operations, next to those that were committed; UPDATE=1
# commits to those of today.
bench-check:
	@tools/setup build valgrind || { echo "bench-check: left out"; exit 0; }; \
	$(MAKEALL) all $(BUILD)/bench/floor.so $(BUILD)/bench/still.so && \
	UPDATE="$(UPDATE)" tools/lua bench/check.lua

$(BUILD)/bench/floor.so: $(filter-out %/still.c %/load.c,\
                            $(wildcard bench/floor/*.c))
$(BUILD)/bench/still.so: bench/floor/still.c
$(BUILD)/bench/load: bench/floor/load.c
	@mkdir -p $(@D)
	$(call say,link $@)$(CC) $(CFLAGS) $< -o $@

$(BUILD)/bench/%.so: bench/floor/floor.h Makefile
	@mkdir -p $(@D)
	$(call say,link $@)$(CC) $(CFLAGS) -shared $(filter %.c,$^) -lpthread -o $@

check:
	@tools/setup build test check
	@tools/check

format:
	@tools/setup check
	@$$(command -v clang-format-14 || echo clang-format) -i src/*.[ch]

# The suite in another light: what is left out, tools/trust/suite says.
SUITE = tools/trust/suite

# Under the address and the undefined behaviour sanitizers, leaks included. They
# are to see each block of a Lua state: none has a heap of its own.
asan:
	@tools/setup build test
	@$(MAKEALL) BUILD=build/asan OPT="-O1 -g -DSK_HEAP=1" \
	  SAN="-fsanitize=address,undefined -fno-omit-frame-pointer"
	@$(SUITE) asan $(LIMIT) $(ARGS) $(SPEC)

# Of that what every change is to pass: all that decodes, allocates and shares, and
# how tasks, threads and processes begin and end.
ASAN_CORE = wire pack corpus functions ledger loan queue pipe dict value array lock \
            sharing scope coroutine channel select task thread pool_making

asan-core:
	@$(MAKE) --no-print-directory asan SPEC="$(ASAN_CORE:%=spec/%_spec.lua)"

# Under the thread sanitizer, which adds a thread of its own to each process.
tsan:
	@tools/setup build test
	@$(MAKEALL) BUILD=build/tsan OPT="-O1 -g -DSK_STRANGERS=1" \
	  SAN=-fsanitize=thread
	@$(SUITE) tsan $(LIMIT) $(ARGS) $(SPEC)

# Under memcheck.
valgrind:
	@tools/setup build test valgrind
	@$(MAKEALL)
	@$(SUITE) valgrind $(LIMIT) $(ARGS) $(SPEC)

# What is shared, below Lua, between threads: the use and the order of mutexes.
# (Each byte of address space has its shadow there: not too much of that.)
helgrind: $(BUILD)/threads
	@tools/setup valgrind
	@$(BUILD)/threads 20000
	@ulimit -v 12000000; valgrind -q --tool=helgrind --fair-sched=yes \
	  --error-exitcode=1 --suppressions=tools/trust/helgrind.supp \
	  $(BUILD)/threads 200

LIBLUA = $(or $(shell pkg-config --libs lua5.4 2>/dev/null),-llua5.4)

$(BUILD)/threads: tools/trust/threads.c $(OBJ)
	$(call say,link $@)$(CC) $(CFLAGS) $^ $(LIBLUA) -lpthread -o $@

# Garbage is collected wherever Lua might; GCSTRESS= says how often.
gcstress:
	@tools/setup build test
	@$(MAKEALL) BUILD=build/gcstress SAN=-Wl,-z,nodelete \
	  OPT="-O1 -g -include tools/trust/gcstress.h"
	@$(SUITE) gcstress $(LIMIT) $(ARGS) $(SPEC)

# Bytes made by chance, for SECONDS, the same for the same SEED; what they break
# is in build/fuzz/finds.
fuzz:
	@tools/setup build fuzz
	@tools/trust/fuzz $(or $(SECONDS),60) $(SEED)

# Everything at once for MINUTES, with a picture of what it takes: soak.svg.
soak: all
	@tools/lua tools/trust/soak.lua $(or $(MINUTES),10) soak.svg

# Which lines the specs reach: build/coverage/report.
coverage:
	@tools/setup build test
	@tools/trust/coverage $(LIMIT) $(ARGS) $(SPEC)

# The specs of deaths, where a process can be killed between any two steps.
steps:
	@tools/setup build test
	@$(MAKEALL) BUILD=build/steps OPT="-O1 -g -DSK_STEPS"
	@BUILD=build/steps tools/test $(LIMIT) $(ARGS) spec/death_spec.lua \
	  spec/arena_death_spec.lua \
	  spec/sync_death_spec.lua spec/dict_death_spec.lua \
	  spec/sweep_death_spec.lua spec/sharing_death_spec.lua \
	  spec/pool_death_spec.lua

# The state machines of waking and of sweeping, by the model checker spin.
model:
	@tools/setup build model
	@tools/model/run

# Processes that share things are killed at random, for SECONDS in all.
storm: all
	@tools/lua tools/storm/run.lua $(SECONDS) $(SEED)

LUADIR = $(DESTDIR)$(PREFIX)/share/lua/5.4
LIBDIR = $(DESTDIR)$(PREFIX)/lib/lua/5.4

install: all
	install -d "$(LUADIR)/skein" "$(LIBDIR)/skein"
	install -m 644 lua/skein/*.lua "$(LUADIR)/skein/"
	install -m 755 $(CORE) "$(LIBDIR)/skein/core.so"

uninstall:
	rm -rf "$(LUADIR)/skein" "$(LIBDIR)/skein"

clean:
	rm -rf build

.PHONY: all env demo test bench bench-least bench-peers bench-check check format asan asan-core tsan \
        valgrind helgrind gcstress fuzz soak coverage steps model storm install uninstall \
        clean
