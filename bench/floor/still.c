/*
** still.c - The same day, every day: Lua seeds the hashes of its strings with
** the time. Preloaded where instructions are counted.
*/
#include <time.h>


time_t time (time_t *now) {
  if (now != NULL) *now = 1;
  return 1;
}
