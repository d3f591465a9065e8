---@meta skein
-- luacheck: ignore
-- What `require "skein"` returns, for editors. The prose is in
-- doc/reference.md; a spec compares both with the library.

---@class skein
---@field coroutine skein.CoroutineLib
---@field loop skein.LoopLib
---@field net skein.NetLib
---@field test skein.TestLib
local skein = {}

---@alias skein.Timeout number?  seconds; nil waits for ever, 0 or less tries once
---@alias skein.Ended "timeout"|"closed"
---@alias skein.Callable fun(...): ...

---@alias skein.Status
---| "new"        # created with start = false
---| "pending"    # its first step is still to come
---| "running"    # under way, also while it waits
---| "finished"   # returned
---| "failed"     # raised an error
---| "cancelled"  # ended by a cancel

---@alias skein.ErrorKind
---| "timeout"
---| "cancelled"
---| "interrupted"
---| "error"
---| "errors"
---| "killed"
---| "exited"
---| "deadlock"
---| "transfer"

--- What skein raises on its own account. Wrong use raises plain strings.
---@class skein.Error
---@operator concat(any): string
---@field kind skein.ErrorKind
---@field message string  what happened, in one line
---@field value any  what was raised, where that crossed from elsewhere
---@field traceback? string  where it happened
---@field source? string  which task, thread or process
---@field where? string  the line that called what raised: "app.lua:12: "
---@field signal? integer  for "killed"
---@field code? integer  for "exited"
---@field errno? integer  of a program that cannot start
---@field reason? any  for "cancelled": what was given to cancel
---@field errors? any[]  for "errors"


-- Starting work ------------------------------------------------------------

---@class skein.TaskOptions
---@field name? string
---@field start? boolean  false: wait for handle:start()

---@class skein.ThreadOptions: skein.TaskOptions
---@field daemon? boolean  stopped at the end of the program, not waited for

---@class skein.ProcessOptions: skein.ThreadOptions
---@field method? "fork"|"spawn"|"server"

--- Starts `fn(...)` as a coroutine in this thread.
---@overload fun(opts: skein.TaskOptions, fn: skein.Callable, ...: any): skein.Task
---@param fn skein.Callable
---@param ... any
---@return skein.Task
function skein.task(fn, ...) end

--- Starts `fn(...)` in an OS thread with a Lua state of its own.
---@overload fun(opts: skein.ThreadOptions, fn: skein.Callable|string, ...: any): skein.Thread
---@param fn skein.Callable|string  a function, or "module.function"
---@param ... any
---@return skein.Thread
function skein.thread(fn, ...) end

--- Starts `fn(...)` in an OS process.
---@overload fun(opts: skein.ProcessOptions, fn: skein.Callable|string, ...: any): skein.Process
---@param fn skein.Callable|string  a function, or "module.function"
---@param ... any
---@return skein.Process
function skein.process(fn, ...) end


-- Handles ------------------------------------------------------------------

--- What a task, thread, process or job can be asked.
---@class skein.Handle
---@field name string
---@field id integer  no other handle of this thread has it
local Handle = {}

--- Waits, then returns the results or raises the error; raises at the timeout.
---@async
---@param timeout? number  seconds
---@return any ...
function Handle:get(timeout) end

--- Waits until it has ended, however it ended.
---@async
---@param timeout? number  seconds
---@return true? ended
---@return "timeout"? reason
function Handle:join(timeout) end

--- Begins work that was created with `start = false`.
---@return self
function Handle:start() end

--- Has it ended? Does not wait.
---@return boolean
---@nodiscard
function Handle:done() end

---@return skein.Status
---@nodiscard
function Handle:status() end

--- The error of one that failed or was cancelled.
---@return any
function Handle:error() end

--- Asks it to stop; false if it had already ended.
---@param reason? any  becomes `err.reason`
---@return boolean asked
function Handle:cancel(reason) end

--- Calls `f(handle)` once after the end, during a wait of this thread.
---@param f fun(handle: self)
---@return self
function Handle:on_done(f) end

---@class skein.Task: skein.Handle

---@class skein.Thread: skein.Handle

---@class skein.Job: skein.Handle

---@class skein.Process: skein.Handle
---@field pid? integer  nil before the start
local Process = {}

--- nil while it runs, n after exit, -n after signal n.
---@return integer?
---@nodiscard
function Process:exitcode() end

---@return boolean
---@nodiscard
function Process:alive() end

--- Sends a signal, by name ("HUP") or number.
---@param signal string|integer
---@return boolean sent  false if it had already ended
function Process:signal(signal) end

--- SIGTERM now, SIGKILL after `grace` seconds.
---@param grace? number  default 5
---@return boolean sent  false if it had already ended
function Process:terminate(grace) end

--- SIGKILL now.
---@return boolean sent  false if it had already ended
function Process:kill() end


-- Who is who ---------------------------------------------------------------

---@class skein.Self
---@field kind "task"|"thread"|"process"
---@field name string
---@field id integer
---@field pid integer

--- Tells of the running task, thread or process.
---@return skein.Self
---@nodiscard
function skein.self() end

--- The process that started this one.
---@return { pid: integer, name: string }?
---@nodiscard
function skein.parent() end

--- The live processes that this one started.
---@return skein.Process[]
---@nodiscard
function skein.children() end

--- How many processors this process may use.
---@return integer
---@nodiscard
function skein.cpus() end

--- The program that fresh processes run; with `path`, that one from now on.
---@param path? string
---@return string
function skein.interpreter(path) end


-- The scheduler ------------------------------------------------------------

--- Runs `fn(...)` as a task in a scope of its own; returns its results.
---@async
---@param fn skein.Callable
---@param ... any
---@return any ...
function skein.run(fn, ...) end

---@async
---@param seconds number
function skein.sleep(seconds) end

--- Gives every other ready task a turn.
---@async
function skein.yield() end

--- Monotonic seconds, one origin for all processes.
---@return number
---@nodiscard
function skein.now() end


-- Scopes -------------------------------------------------------------------

--- Bounds all of `fn(...)`; raises a "timeout" error when the time is over.
---@async
---@param seconds number  math.huge: no bound
---@param fn skein.Callable|skein.Handle
---@param ... any
---@return any ...
function skein.timeout(seconds, fn, ...) end

---@class skein.Group
local Group = {}

--- Starts `fn(...)` as a child of the group.
---@overload fun(self: skein.Group, opts: skein.TaskOptions, fn: skein.Callable, ...: any): skein.Task
---@param fn skein.Callable
---@param ... any
---@return skein.Task
function Group:task(fn, ...) end

--- Ends the group without error.
function Group:cancel() end

--- Calls `fn(group, ...)` and returns its results when all children have ended.
---@async
---@param fn fun(group: skein.Group, ...: any): ...
---@param ... any
---@return any ...
function skein.group(fn, ...) end

--- Calls `fn(...)` out of reach of a cancel from outside.
---@async
---@param fn skein.Callable
---@param ... any
---@return any ...
function skein.shield(fn, ...) end

--- Is this the error of a cancel?
---@param err any
---@return boolean
---@nodiscard
function skein.is_cancelled(err) end


-- Several at once ----------------------------------------------------------

--- Waits for all; their first results, in order. The first error cancels the rest.
---@async
---@param list (skein.Callable|skein.Handle)[]
---@return { n: integer, [integer]: any } results
function skein.all(list) end

--- The index and results of the first to end; the others are cancelled.
---@async
---@param list (skein.Callable|skein.Handle)[]
---@return integer index
---@return any ...
function skein.race(list) end

--- `fn(item, i)` in concurrent tasks, at most `limit` at once.
---@async
---@generic T, R
---@param list T[]
---@param fn fun(item: T, i: integer): R
---@param limit? integer  default: all
---@return R[] results  with their number in n
function skein.map(list, fn, limit) end

--- Ticks 1, 2, 3, ... that do not drift.
---@param seconds number
---@return fun(): integer
---@nodiscard
function skein.every(seconds) end

--- Those of the list that are ready.
---@async
---@generic T
---@param list T[]
---@param timeout? number  seconds
---@return T[]? ready
---@return "timeout"? reason
function skein.wait(list, timeout) end

--- Commits exactly one of the cases; its index, then its results.
---@async
---@param cases any[]  `{ object, "operation", ... }`, or an object for its natural wait
---@param timeout? number  seconds
---@return integer? index
---@return any ...
function skein.select(cases, timeout) end


-- Signals, coroutines, diagnosis -------------------------------------------

--- A channel of the names of these signals as they arrive.
---@param ... string  "INT", "TERM", "HUP" ...
---@return skein.Channel<string>
---@nodiscard
function skein.signal(...) end

--- Lua's coroutine library; a wait inside suspends the task.
---@class skein.CoroutineLib: coroutinelib
local Coroutine = {}

--- Makes it the global `coroutine`.
function Coroutine.install() end

---@class skein.DebugOptions
---@field slow? number|false  seconds; false: off

--- Reports tasks that keep the thread longer than `slow`, while they do.
---@param opts skein.DebugOptions
function skein.debug(opts) end

--- The scheduler as the guest of another event loop.
---@class skein.LoopLib
local Loop = {}

--- A descriptor, readable when `step` has something to do.
---@return integer
---@nodiscard
function Loop.fd() end

--- To be called right before the host sleeps.
---@return number? seconds  until `step` is due; nil: only the descriptor tells
---@nodiscard
function Loop.deadline() end

--- Runs what is ready, once, without sleeping.
function Loop.step() end

--- For tests of what takes time.
---@class skein.TestLib
local Test = {}

---@class skein.TestOptions
---@field seed? integer  ready tasks run in an order of chance, by this
---@field patience? number  real seconds that what is outside has before a leap

--- `skein.run` on a clock that leaps to the next deadline when everything waits.
---@async
---@overload fun(fn: skein.Callable, ...: any): any ...
---@param opts skein.TestOptions
---@param fn skein.Callable
---@param ... any  arguments for `fn`
---@return any ...  what `fn` returned
function Test.run(opts, fn, ...) end

--- Waits until every other task of the thread waits.
---@async
function Test.settle() end

--- Takes the reports of errors that nobody asked for.
---@param f? fun(err: any, text: string)  nil: stderr
function skein.on_error(f) end

--- Processes, threads and the tasks of this one as a tree, and what each waits for.
---@return string
---@nodiscard
function skein.dump() end


-- Channels and queues ------------------------------------------------------

---@class skein.ChannelOptions
---@field capacity? integer
---@field order? "fifo"|"lifo"|"priority"

--- Hands values from task to task of one thread.
---@class skein.Channel<T>
---@operator len: integer
local Channel = {}

--- nil: unbounded; 0: rendezvous; n: bounded.
---@param capacity? number|skein.ChannelOptions
---@return skein.Channel
---@nodiscard
function skein.channel(capacity) end

--- Puts an item; waits while it is full.
---@async
---@param v any  not nil
---@param timeout? number  seconds
---@param priority? number  smallest first, for the order "priority"
---@return true? ok
---@return skein.Ended? reason
function Channel:put(v, timeout, priority) end

--- Takes an item; waits while it is empty.
---@async
---@param timeout? number  seconds
---@return any item
---@return skein.Ended? reason
function Channel:get(timeout) end

--- Gets items until closed and drained.
---@async
---@return fun(): any
---@nodiscard
function Channel:items() end

--- Wakes everyone; what is inside can still be got.
function Channel:close() end

--- Marks one item that was got as dealt with.
function Channel:task_done() end

--- Waits until every item that was put is dealt with.
---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"? reason
function Channel:join(timeout) end

---@return integer
---@nodiscard
function Channel:size() end

---@return integer?
---@nodiscard
function Channel:capacity() end

---@return boolean
---@nodiscard
function Channel:empty() end

---@return boolean
---@nodiscard
function Channel:full() end

---@return boolean
---@nodiscard
function Channel:closed() end

---@class skein.QueueOptions
---@field capacity? integer  items
---@field bytes? integer  bound on memory, default 64 MiB

--- The methods of a channel, between any mix of tasks, threads and processes.
---@class skein.Queue: skein.Channel
---@operator len: integer

---@param capacity? integer|skein.QueueOptions
---@return skein.Queue
---@nodiscard
function skein.queue(capacity) end


-- Pipes --------------------------------------------------------------------

---@class skein.PipeOptions
---@field duplex? boolean  false: the first end reads, the second writes
---@field bytes? integer  what a direction buffers, default 64 KiB

--- One end of a pipe.
---@class skein.End
local End = {}

---@param opts? skein.PipeOptions
---@return skein.End here
---@return skein.End there
---@nodiscard
function skein.pipe(opts) end

---@async
---@param v any  not nil
---@param timeout? number  seconds
---@return true? ok
---@return skein.Ended? reason
function End:send(v, timeout) end

---@async
---@param timeout? number  seconds
---@return any message
---@return skein.Ended? reason
function End:recv(timeout) end

--- Waits until a recv will not wait.
---@async
---@param timeout? number  seconds
---@return true? ready
---@return "timeout"? reason
function End:poll(timeout) end

--- A descriptor that poll(2) finds readable when a recv may not wait.
---@return integer? fd
---@return string? message
---@return integer? errno
function End:fileno() end

--- Closes this end in this thread.
function End:close() end


-- Locks --------------------------------------------------------------------

---@class skein.LockOptions
---@field reentrant? boolean

---@class skein.Lock
local Lock = {}

---@param opts? skein.LockOptions
---@return skein.Lock
---@nodiscard
function skein.lock(opts) end

---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"|"abandoned"|nil reason  "abandoned": yours, but its last holder died
function Lock:acquire(timeout) end

--- Raises when the caller does not hold it.
function Lock:release() end

--- Returns the results of `fn(...)`, called while the lock is held.
---@async
---@param fn skein.Callable
---@param ... any
---@return any ...
function Lock:with(fn, ...) end

--- Acquires it; the result releases it: `local _ <close> = lock:hold()`.
---@async
---@return userdata hold  a <close> variable
---@nodiscard
function Lock:hold() end

---@class skein.Semaphore
local Semaphore = {}

---@param n integer  permits at first
---@param max? integer  permits at most
---@return skein.Semaphore
---@nodiscard
function skein.semaphore(n, max) end

---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"? reason
function Semaphore:acquire(timeout) end

--- Gives n permits, whoever took them; raises when that exceeds the most.
---@param n? integer  default 1
function Semaphore:release(n) end

--- How many permits can be taken now.
---@return integer
---@nodiscard
function Semaphore:value() end

---@class skein.Event
local Event = {}

---@return skein.Event
---@nodiscard
function skein.event() end

--- Sets it, and lets go everyone who waits.
function Event:set() end

function Event:clear() end

---@return boolean
---@nodiscard
function Event:is_set() end

---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"? reason
function Event:wait(timeout) end

---@class skein.Condition
local Condition = {}

---@param lock? skein.Lock  default: one of its own
---@return skein.Condition
---@nodiscard
function skein.condition(lock) end

---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"|"abandoned"|nil reason
function Condition:acquire(timeout) end

function Condition:release() end

--- Releases the lock, waits until notified, has the lock again in every case.
---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"|"abandoned"|nil reason
function Condition:wait(timeout) end

--- Notifies those n that have waited longest.
---@param n? integer  default 1
function Condition:notify(n) end

--- Notifies all who wait.
function Condition:notify_all() end

---@class skein.Barrier
local Barrier = {}

---@param n integer
---@return skein.Barrier
---@nodiscard
function skein.barrier(n) end

--- Waits until n have come; a different number from 1 to n for each.
---@async
---@param timeout? number  seconds
---@return integer? place
---@return "broken"? reason
function Barrier:wait(timeout) end

--- Breaks it for all, until it is reset.
function Barrier:abort() end

--- Makes it new; who waits gets "broken".
function Barrier:reset() end


-- Shared memory ------------------------------------------------------------

---@alias skein.NumberType
---| "int8" | "int16" | "int32" | "int64"
---| "uint8" | "uint16" | "uint32"
---| "float" | "double"

---@class skein.Value
local Value = {}

---@overload fun(v: any): skein.Value
---@param type skein.NumberType
---@param v number
---@return skein.Value
---@nodiscard
function skein.value(type, v) end

--- A copy of the present value.
---@return any
---@nodiscard
function Value:get() end

---@async
---@param x any
function Value:set(x) end

--- Adds in one step; returns the new value.
---@async
---@param n number
---@return number
function Value:add(n) end

--- Sets `new` if the value equals `old`.
---@async
---@param old any
---@param new any
---@return boolean
function Value:cas(old, new) end

--- Sets the value to what `fn(old)` returns, while all other changes wait.
---@async
---@param fn fun(old: any): any
---@return any new
function Value:with(fn) end

---@class skein.Array
---@field [integer] number
---@operator len: integer
local Array = {}

---@param type skein.NumberType
---@param n integer|number[]  the length, or the items
---@return skein.Array
---@nodiscard
function skein.array(type, n) end

---@param i? integer  default 1
---@param j? integer  default the last
---@return number[]
---@nodiscard
function Array:slice(i, j) end

---@param x number
function Array:fill(x) end

---@param list number[]
---@param at? integer  default 1
function Array:write(list, at) end

--- Adds to item i in one step; returns the new value.
---@param i integer
---@param n number
---@return number
function Array:add(i, n) end

--- Returns the results of `fn(...)`, called while every other `with` is kept out.
---@async
---@param fn skein.Callable
---@param ... any
---@return any ...
function Array:with(fn, ...) end

---@alias skein.Key string|number|boolean

---@class skein.Dict
---@operator len: integer
local Dict = {}

---@param opts? table  empty
---@return skein.Dict
---@nodiscard
function skein.dict(opts) end

---@param k skein.Key
---@return any
---@nodiscard
function Dict:get(k) end

--- `nil` removes it.
---@async
---@param k skein.Key
---@param v any
function Dict:set(k, v) end

---@async
---@param k skein.Key
function Dict:delete(k) end

--- Adds to the number at k in one step; returns the new value.
---@async
---@param k skein.Key
---@param n number
---@return number
function Dict:add(k, n) end

--- Sets the value at k to what `fn(old)` returns, while all other changes wait.
---@async
---@param k skein.Key
---@param fn fun(old: any): any
---@return any new
function Dict:update(k, fn) end

--- All that there is at the call.
---@return fun(): skein.Key, any
---@nodiscard
function Dict:pairs() end


-- Pools --------------------------------------------------------------------

---@class skein.PoolOptions
---@field workers? integer  default skein.cpus()
---@field kind? "process"|"thread"
---@field method? "fork"|"spawn"|"server"
---@field init? skein.Callable|string  runs once in each worker
---@field init_args? any[]
---@field tasks_per_worker? integer  jobs, or items of a map; default: no limit
---@field retries? integer  when a worker died; default 0
---@field name? string  default "pool"

---@class skein.JobOptions
---@field name? string
---@field timeout? number  seconds above 0, from when it begins
---@field priority? number  smallest first, default 0

---@class skein.MapOptions
---@field chunk? integer  items in one message
---@field timeout? number  seconds, of the whole
---@field unpack? boolean  items are argument lists
---@field progress? true|fun(done: integer, total: integer)

---@class skein.ImapOptions
---@field ordered? boolean  false: as they end
---@field ahead? integer  default twice the workers

---@class skein.PoolStats
---@field workers { pid: integer, state: "starting"|"idle"|"busy", jobs: integer }[]
---@field queued integer
---@field running integer
---@field finished integer  without error
---@field failed integer

---@class skein.Pool
local Pool = {}

---@param opts? integer|skein.PoolOptions
---@return skein.Pool
---@nodiscard
function skein.pool(opts) end

--- Runs `fn(...)` in a worker; returns its results.
---@async
---@param fn skein.Callable|string
---@param ... any
---@return any ...
function Pool:apply(fn, ...) end

--- A job, at once.
---@overload fun(self: skein.Pool, opts: skein.JobOptions, fn: skein.Callable|string, ...: any): skein.Job
---@param fn skein.Callable|string
---@param ... any
---@return skein.Job
function Pool:submit(fn, ...) end

--- The first result of `fn(item)` for each item, in order.
---@async
---@generic T, R
---@param fn (fun(item: T): R)|string
---@param list T[]  with n, if it has holes
---@param opts? skein.MapOptions
---@return R[] results  with their number in n
function Pool:map(fn, list, opts) end

--- Iterates over `i, ok, results...`.
---@async
---@param fn skein.Callable|string
---@param source any[]|fun(): any
---@param opts? skein.ImapOptions
---@return fun(): integer, boolean, ...
---@nodiscard
function Pool:imap(fn, source, opts) end

--- No more jobs.
function Pool:close() end

--- Waits until all jobs are done and the workers gone.
---@async
---@param timeout? number  seconds
---@return true? ok
---@return "timeout"? reason
function Pool:join(timeout) end

--- Stops now; open jobs end as cancelled.
function Pool:terminate() end

---@return skein.PoolStats
---@nodiscard
function Pool:stats() end


-- Commands -----------------------------------------------------------------

---@alias skein.Input string|number|"pipe"|"inherit"|"null"|file*|skein.Stream|{ file: string }|{ text: string }
---@alias skein.Output "capture"|"pipe"|"inherit"|"null"|file*|skein.Stream|{ file: string, append: boolean? }

---@class skein.CommandOptions
---@field [integer] string|number  the program and its arguments
---@field stdin? skein.Input  what it reads
---@field stdout? skein.Output
---@field stderr? skein.Output|"stdout"
---@field cwd? string
---@field env? table<string, string|number|false>  besides ours; false takes one away
---@field clear_env? boolean  true: only `env`
---@field shell? boolean  true: the first item is a line for /bin/sh
---@field timeout? number  seconds, then it is ended
---@field grace? number  seconds between SIGTERM and SIGKILL
---@field group? boolean  does it lead a process group
---@field daemon? boolean  true: killed at the end of this program
---@field name? string
---@field start? boolean  false: `command:start()` begins it

---@class skein.CommandResult
---@field stdout? string  what it wrote, where that was collected
---@field stderr? string
---@field code? integer
---@field signal? integer
---@field timed_out boolean

--- `get` returns a `skein.CommandResult`.
---@class skein.Command: skein.Process
---@field stdin? skein.Stream  to write to, of "pipe"
---@field stdout? skein.Stream
---@field stderr? skein.Stream

--- Starts a program.
---@async
---@param opts skein.CommandOptions
---@return skein.Command
function skein.command(opts) end


-- Streams ------------------------------------------------------------------

--- A connection, a file, a terminal, or a pipe of a program.
---@class skein.Stream
local Stream = {}

---@async
---@param what? "l"|"L"|"a"|integer  none: what has come
---@param timeout? number  seconds
---@return string? data
---@return string? reason
---@return integer? errno
function Stream:read(what, timeout) end

--- Reads to the end of the next separator.
---@async
---@param separator string
---@param max? integer  bytes at most
---@param timeout? number  seconds
---@return string? data
---@return string? reason
---@return integer? errno
function Stream:read_until(separator, max, timeout) end

---@param what? "l"|"L"|"a"|integer
---@return fun(): string?
function Stream:lines(what) end

---@async
---@param data string|number
---@param timeout? number  seconds
---@return true? ok
---@return string? reason
---@return integer? n  bytes that went, of one that timed out; or errno
function Stream:write(data, timeout) end

---@param how? "read"|"write"|"both"
---@return true? ok
---@return string? reason
---@return integer? errno
function Stream:shutdown(how) end

--- Moves the place of a file.
---@param whence? "set"|"cur"|"end"
---@param offset? integer
---@return integer? place
---@return string? reason
---@return integer? errno
function Stream:seek(whence, offset) end

---@return string? host
---@return integer|string? port
---@return integer? errno
function Stream:peername() end

---@return string? host
---@return integer|string? port
---@return integer? errno
function Stream:sockname() end

---@return integer? fd
---@return "closed"? reason
function Stream:fileno() end

---@return boolean
function Stream:closed() end

function Stream:close() end

---@async
---@param path string
---@param mode? "r"|"w"|"a"|"r+"|"w+"|"a+"|"rb"|"wb"|"ab"|"r+b"|"w+b"|"a+b"
---@param timeout? number  seconds
---@return skein.Stream? stream
---@return string? reason
---@return integer? errno
function skein.open(path, mode, timeout) end


-- Sockets ------------------------------------------------------------------

---@class skein.ConnectOptions
---@field timeout? number  seconds
---@field nodelay? boolean  default true

---@class skein.ListenOptions
---@field backlog? integer  default 1024
---@field reuseaddr? boolean  default true
---@field reuseport? boolean
---@field v6only? boolean

---@class skein.UdpOptions
---@field broadcast? boolean
---@field reuseaddr? boolean
---@field reuseport? boolean
---@field v6only? boolean

---@class skein.ServeOptions
---@field limit? integer  connections at once
---@field grace? number  seconds for those that are left when it is closed

--- Sockets.
---@class skein.NetLib
local net = {}

---@async
---@param host string  or "unix:/path", "unix:@name" without a port
---@param port? integer
---@param opts? skein.ConnectOptions|number
---@return skein.Stream? stream
---@return string? reason
---@return integer? errno
function net.connect(host, port, opts) end

---@async
---@param host? string  or "unix:/path", "unix:@name" without a port
---@param port? integer
---@param opts? skein.ListenOptions
---@return skein.Server? server
---@return string? reason
---@return integer? errno
---@overload fun(port: integer, opts?: skein.ListenOptions): skein.Server?, string?, integer?
function net.listen(host, port, opts) end

---@async
---@param host? string
---@param port? integer
---@param opts? skein.UdpOptions
---@return skein.Udp? socket
---@return string? reason
---@return integer? errno
function net.udp(host, port, opts) end

---@return skein.Stream here
---@return skein.Stream there
function net.pair() end

--- A socket that listens.
---@class skein.Server
local Server = {}

---@async
---@param timeout? number  seconds
---@return skein.Stream? stream
---@return string? reason
---@return integer? errno
function Server:accept(timeout) end

---@async
---@param fn fun(stream: skein.Stream)
---@param opts? skein.ServeOptions
---@return true? ok
---@return string? reason
---@return integer? errno
function Server:serve(fn, opts) end

---@return string? host
---@return integer|string? port
---@return integer? errno
function Server:sockname() end

---@return integer? fd
---@return "closed"? reason
function Server:fileno() end

---@return boolean
function Server:closed() end

function Server:close() end

--- A socket for datagrams.
---@class skein.Udp
local Udp = {}

---@async
---@param timeout? number  seconds
---@return string? data
---@return string? host  or why there is none
---@return integer? port  or errno
function Udp:recv(timeout) end

---@async
---@param data string|number
---@param host? string
---@param port? integer
---@param timeout? number  seconds
---@return true? ok
---@return string? reason
---@return integer? errno
function Udp:send(data, host, port, timeout) end

---@async
---@param host string
---@param port? integer
---@param timeout? number  seconds
---@return true? ok
---@return string? reason
---@return integer? errno
function Udp:connect(host, port, timeout) end

---@return string? host
---@return integer|string? port
---@return integer? errno
function Udp:sockname() end

---@return string? host
---@return integer|string? port
---@return integer? errno
function Udp:peername() end

---@return integer? fd
---@return "closed"? reason
function Udp:fileno() end

---@return boolean
function Udp:closed() end

function Udp:close() end


-- The wire -----------------------------------------------------------------

---@class skein.UnpackOptions
---@field functions? boolean  true: functions and constructors are accepted

--- A string that holds the values.
---@param ... any
---@return string
---@nodiscard
function skein.pack(...) end

--- The values of a packed string.
---@param s string
---@param opts? skein.UnpackOptions
---@return any ...
function skein.unpack(s, opts) end

return skein
