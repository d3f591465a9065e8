/*
** coverage.h - For 'make coverage', which has the compiler include it in front of
** every file of src/: who ends by _exit, or by a signal to itself, has
** counted what it reached.
*/
#ifndef coverage_h
#define coverage_h

void __gcov_dump (void);
void __gcov_reset (void);
_Noreturn void __real__exit (int code);
_Noreturn void __wrap__exit (int code);
int __real_raise (int signo);
int __wrap_raise (int signo);


static inline void coverage_count (void) {
  __gcov_dump();
  __gcov_reset();
}


/* The linker has all calls of _exit and of raise come here: -Wl,--wrap. */
__attribute__((weak, visibility("hidden"))) _Noreturn void
__wrap__exit (int code) {
  coverage_count();
  __real__exit(code);
}


/* What is killed (9) at a step for the sake of a spec would be slow to count. */
__attribute__((weak, visibility("hidden"))) int __wrap_raise (int signo) {
  if (signo != 9) coverage_count();
  return __real_raise(signo);
}

#endif
