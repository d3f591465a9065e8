--- A helper of busted for the thread sanitizer: with the first thread it makes one
--- of its own, and with the first report a file, which no test shall count.

require("skein").thread(function() end):join()
